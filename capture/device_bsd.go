//go:build (darwin || dragonfly || freebsd || netbsd || openbsd) && !libpcap

package capture

import (
	"errors"
	"fmt"
	"net"
	"reflect"
	"strconv"
	"syscall"
	"time"
	"unsafe"

	"github.com/google/gopacket/bsdbpf"
	"github.com/wssniff/wssniff/capture/filter"
	"golang.org/x/sys/unix"
)

// permissionHint is what mends a lack of permission.
const permissionHint = "run it with sudo; on macOS, Wireshark's ChmodBPF lets a group of users capture"

// A sniffer is a BPF device of macOS and the BSDs (bpf(4)), as gopacket opens
// and reads it. gopacket keeps the descriptor and the header of each packet to
// itself; they are looked up in it by name, for the filter, the link layer, the
// counters, and the length that a packet had on the wire.
type sniffer struct {
	*bsdbpf.BPFSniffer
	fd             int
	link           LinkType
	buffer         reflect.Value // []byte, of the packets that were read together
	consumed, last reflect.Value // int: bytes of buffer that were used, and that there are
}

const bufferBSD = 512 << 10 // the most that macOS allows

func openDevice(name string, conf *LiveConfig, wait time.Duration) (device, error) {
	if _, err := net.InterfaceByName(name); err != nil {
		return nil, noInterface(name)
	}
	size := conf.Buffer
	if size == 0 {
		size = bufferBSD
	}
	timeout := syscall.NsecToTimeval(int64(wait))
	d, err := newSniffer(name, &bsdbpf.Options{ReadBufLen: size, Timeout: &timeout, Promisc: conf.Promiscuous, PreserveLinkAddr: true})
	if err == nil {
		if err = d.filter(conf); err != nil {
			d.Close()
		}
	}
	if err != nil {
		return nil, openFailure(name, err, permissionHint)
	}
	return d, nil
}

// newSniffer opens a device. gopacket panics where it finds none that it may open.
func newSniffer(name string, options *bsdbpf.Options) (d *sniffer, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = whyNoDevice(r)
		}
	}()
	s, err := bsdbpf.NewBPFSniffer(name, options)
	if err != nil {
		return nil, err
	}
	v := reflect.ValueOf(s).Elem()
	d = &sniffer{
		BPFSniffer: s, fd: int(v.FieldByName("fd").Int()),
		buffer: v.FieldByName("readBuffer"), consumed: v.FieldByName("readBytesConsumed"), last: v.FieldByName("lastReadLen"),
	}
	dlt, err := syscall.BpfDatalink(d.fd)
	d.link = linkOfDLT(dlt)
	return d, err
}

// whyNoDevice says why no BPF device can be opened.
func whyNoDevice(panicked any) error {
	for n := range 99 {
		fd, err := syscall.Open("/dev/bpf"+strconv.Itoa(n), syscall.O_RDWR, 0)
		if err == nil {
			syscall.Close(fd)
			break
		}
		if !errors.Is(err, syscall.EBUSY) {
			return err
		}
	}
	return fmt.Errorf("%v", panicked)
}

// filter says which packets are wanted, and how much of them. What was captured
// before that is discarded (bpf(4), BIOCSETF).
func (d *sniffer) filter(conf *LiveConfig) error {
	var program []syscall.BpfInsn
	switch {
	case conf.Filter != nil:
		compiled, err := conf.Filter.Compile(filter.Target{LinkType: uint16(d.link), Snaplen: uint32(conf.Snaplen)})
		if err != nil {
			return err
		}
		for _, in := range compiled {
			program = append(program, syscall.BpfInsn{Code: in.Op, Jt: in.Jt, Jf: in.Jf, K: in.K})
		}
	case conf.Snaplen > 0:
		program = []syscall.BpfInsn{{Code: syscall.BPF_RET | syscall.BPF_K, K: uint32(conf.Snaplen)}}
	default:
		return nil
	}
	return syscall.SetBpf(d.fd, program)
}

func (d *sniffer) read(p *Packet) (ok bool, err error) {
	at := int(d.consumed.Int())
	if at >= int(d.last.Int()) {
		at = 0 // of what is read now
	}
	data, info, err := d.ReadPacketData()
	switch {
	case errors.Is(err, unix.EINTR), errors.Is(err, unix.EAGAIN):
		return false, nil
	case errors.Is(err, unix.ENXIO), errors.Is(err, unix.ENETDOWN):
		return false, errors.New("the interface went down")
	case err != nil:
		return false, err
	case len(data) == 0:
		return false, nil // nothing came
	}
	header := (*unix.BpfHdr)(unsafe.Pointer(&d.buffer.Bytes()[at]))
	*p = Packet{Time: Time(info.Timestamp.UnixNano()), LinkType: d.link, Data: data, Length: int(header.Datalen)}
	return true, nil
}

func (d *sniffer) dropped() uint64 {
	stats, err := syscall.BpfStats(d.fd)
	if err != nil {
		return 0
	}
	return uint64(stats.Drop)
}

func (d *sniffer) close() { d.Close() }
