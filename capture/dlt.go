//go:build !linux || libpcap

package capture

import "runtime"

// linkOfDLT gives the link type of a number that a system has for it (DLT_):
// the same, but for what systems do not agree on.
func linkOfDLT(dlt int) LinkType {
	switch {
	case dlt == 12 && runtime.GOOS == "openbsd":
		return LinkLoop
	case dlt == 12, dlt == 14 && runtime.GOOS == "openbsd":
		return LinkRaw
	}
	return LinkType(dlt)
}
