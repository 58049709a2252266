//go:build !linux && !libpcap && !(windows && (386 || amd64))

package capture

// whyNone says why no interface can be captured on: that is not known before.
func whyNone() string { return "" }
