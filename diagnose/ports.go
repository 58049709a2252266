package diagnose

import "slices"

// otherPorts are those of other services: browsers open no WebSocket to them
// (https://fetch.spec.whatwg.org/#port-blocking, 2026-11), and nobody else has
// one there.
var otherPorts = []uint16{
	0, 1, 7, 9, 11, 13, 15, 17, 19, 20, 21, 22, 23, 25, 37, 42, 43, 53, 69, 77, 79, 87, 95, 101, 102, 103, 104, 109, 110, 111, 113, 115,
	117, 119, 123, 135, 137, 139, 143, 161, 179, 389, 427, 465, 512, 513, 514, 515, 526, 530, 531, 532, 540, 548, 554, 556, 563, 587, 601,
	636, 989, 990, 993, 995, 1719, 1720, 1723, 2049, 3659, 4045, 4190, 5060, 5061, 6000, 6566, 6665, 6666, 6667, 6668, 6669, 6679, 6697,
	10080,
}

const windowsShares = 445

// elsewhere makes a finding about TCP less severe where the port is that of
// another service: what was tried there was no WebSocket, in all likelihood.
func (f *Finding) elsewhere(port uint16) {
	switch {
	case port == windowsShares:
		f.At(Info).Message += "; the port is that of Windows shares"
	case slices.Contains(otherPorts, port):
		f.At(Info).Message += "; browsers open no WebSocket to this port"
	}
}
