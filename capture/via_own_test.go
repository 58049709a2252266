//go:build !libpcap

package capture_test

// viaLibpcap says that libpcap captures, and filters.
const viaLibpcap = false
