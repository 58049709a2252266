//go:build libpcap || (windows && (386 || amd64))

package capture

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/gopacket"
	libpcap "github.com/google/gopacket/pcap"
)

// permissionHint is what mends a lack of permission.
var permissionHint = map[string]string{
	"linux":   "run it with sudo, or once: sudo setcap cap_net_raw+ep $(command -v wssniff)",
	"windows": "install Npcap (npcap.com); if it is for administrators only, run this as one",
}[runtime.GOOS]

// A handle is an interface that libpcap captures on; on Windows, Npcap.
type handle struct {
	*libpcap.Handle
	link LinkType
	info gopacket.CaptureInfo
}

func openDevice(name string, conf *LiveConfig, wait time.Duration) (device, error) {
	d, err := openHandle(name, conf, wait)
	if err == nil {
		if err = d.filter(conf); err != nil {
			d.Close()
		}
	}
	switch {
	case err == nil:
		return d, nil
	case strings.Contains(err.Error(), pcapNoDevice):
		return nil, noInterface(name)
	case strings.Contains(strings.ToLower(err.Error()), "permi"):
		err = fs.ErrPermission
	}
	return nil, openFailure(name, err, permissionHint)
}

// pcapNoDevice is gopacket's word for PCAP_ERROR_NO_SUCH_DEVICE.
const pcapNoDevice = "No Such Device"

func openHandle(name string, conf *LiveConfig, wait time.Duration) (*handle, error) {
	inactive, err := libpcap.NewInactiveHandle(resolve(name))
	if err != nil {
		return nil, err
	}
	defer inactive.CleanUp()
	snaplen, buffer := conf.Snaplen, conf.Buffer
	if snaplen == 0 {
		snaplen = packetLimit
	}
	if buffer == 0 {
		buffer = defaultRing
	}
	for _, err := range []error{
		inactive.SetSnapLen(snaplen), inactive.SetPromisc(conf.Promiscuous && name != anyInterface),
		inactive.SetTimeout(wait), inactive.SetBufferSize(buffer),
	} {
		if err != nil {
			return nil, err
		}
	}
	h, err := inactive.Activate()
	if err != nil {
		return nil, err
	}
	return &handle{Handle: h, link: linkOfDLT(int(h.LinkType()))}, nil
}

// resolve gives the name that libpcap has for an interface: on Windows one with
// a GUID, for which its description or the name that Windows shows may be given.
func resolve(name string) string {
	if runtime.GOOS != "windows" {
		return name
	}
	devices, _ := libpcap.FindAllDevs()
	var shown []net.Addr
	if i, err := net.InterfaceByName(name); err == nil {
		shown, _ = i.Addrs()
	}
	for _, d := range devices {
		if d.Name == name || d.Description == name {
			return d.Name
		}
		for _, a := range d.Addresses {
			if slices.ContainsFunc(shown, func(s net.Addr) bool { return strings.HasPrefix(s.String(), a.IP.String()+"/") }) {
				return d.Name
			}
		}
	}
	return name
}

func (h *handle) read(p *Packet) (ok bool, err error) {
	data, info, err := h.ZeroCopyReadPacketData()
	switch {
	case err == nil:
		*p = Packet{Time: Time(info.Timestamp.UnixNano()), LinkType: h.link, Data: data[:len(data):len(data)], Length: info.Length}
		return true, nil
	case errors.Is(err, libpcap.NextErrorTimeoutExpired):
		return false, nil
	case errors.Is(err, io.EOF):
		return false, errors.New("closed")
	}
	if why := h.Error(); why != nil && why.Error() != "" {
		err = why
	}
	if text := err.Error(); strings.Contains(text, "went down") || strings.Contains(text, "disappeared") || strings.Contains(text, "Network is down") {
		err = errors.New("the interface went down")
	}
	return false, err
}

func (h *handle) dropped() uint64 {
	stats, err := h.Stats()
	if err != nil {
		return 0
	}
	return uint64(max(0, stats.PacketsDropped))
}

func (h *handle) close() { h.Close() }

// Interfaces gives the interfaces that [Listen] knows.
func Interfaces() ([]Interface, error) {
	devices, err := libpcap.FindAllDevs()
	if err != nil {
		return nil, fmt.Errorf("capture: the interfaces of this machine: %w", err)
	}
	const loopback, up = 1, 2 // PCAP_IF_LOOPBACK, PCAP_IF_UP
	var list []Interface
	for _, d := range devices {
		n := Interface{Name: d.Name, Description: d.Description, Up: d.Flags&up != 0, Loopback: d.Flags&loopback != 0}
		for _, a := range d.Addresses {
			if len(a.IP) > 0 {
				ones, _ := a.Netmask.Size()
				n.Addresses = append(n.Addresses, a.IP.String()+"/"+strconv.Itoa(ones))
			}
		}
		list = append(list, n)
	}
	return list, nil
}
