//go:build !libpcap

package capture

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"net"
	"sync/atomic"
	"unsafe"

	"github.com/wssniff/wssniff/capture/filter"
	"golang.org/x/sys/unix"
)

// A ring is the memory in which the kernel leaves the packets of an interface
// (packet(7), TPACKET_V3): blocks, each with a header and a chain of packets.
//
//	block    ├ status, packets, first ──┐
//	         ├ header, address, bytes ◄─┘
//	         ├ header, address, bytes        the next is so far on as the
//	         └ …                             header says
//
// A block is the kernel's or ours, as its status says. Its bytes may be
// changed while it is ours: room is kept before each packet for the VLAN tag
// that the kernel takes off, and for the header that goes before packets of
// "any".
type ring struct {
	Input
	fd       int
	mem      []byte
	link     LinkType
	loopback uint32 // the number of the loopback interface, which shows what it sends twice; 0 is none

	block int    // that is read, or comes next
	ours  bool   // it is
	left  uint32 // packets in it
	at    int    // where the next of them is in mem
}

const (
	blockSize = 1 << 20
	reserve   = 32 // bytes before each packet, at least those of an SLL2 header and a tag

	blockStatus, blockPackets, blockFirst = 8, 12, 16 // struct tpacket_block_desc

	packetNext, packetSec, packetNsec       = 0, 4, 8 // struct tpacket3_hdr
	packetKept, packetLength, packetStatus  = 12, 16, 20
	packetMAC, packetTCI, packetTPID        = 24, 32, 36
	packetAddress                           = 48 // struct sockaddr_ll
	addressProtocol, addressIndex           = packetAddress + 2, packetAddress + 4
	addressHardware, addressType            = packetAddress + 8, packetAddress + 10
	addressLength, addressBytes, addressEnd = packetAddress + 11, packetAddress + 12, packetAddress + 20

	statusUser      = 1 // TP_STATUS_USER
	statusTagged    = 1 << 4
	statusTagTypeOK = 1 << 6

	sentByUs  = 4 // PACKET_OUTGOING
	tagLength = 4
	sll2      = 20
)

var native = binary.NativeEndian

// permissionHint is what mends a lack of permission.
const permissionHint = "run it with sudo, or once: sudo setcap cap_net_raw+ep $(command -v wssniff)"

// whyNone says why no interface can be captured on, "" where that is not so.
func whyNone() string {
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, 0)
	switch {
	case err == nil:
		unix.Close(fd)
		return ""
	case errors.Is(err, fs.ErrPermission):
		return "no permission: " + permissionHint
	}
	return err.Error()
}

// openRing begins to capture on an interface. Nothing is captured before the
// ring is there: the socket has no protocol until it is bound.
func openRing(name string, conf *LiveConfig) (*ring, error) {
	r := &ring{Input: Input{Name: name, Format: "live", First: math.MaxInt64, Last: NoTime}, fd: -1}
	index := 0
	if name != anyInterface {
		var err error
		if index, err = indexOf(name); err != nil {
			return nil, noInterface(name)
		}
	}
	if err := r.open(index, conf); err != nil {
		r.close()
		return nil, openFailure(name, err, permissionHint)
	}
	return r, nil
}

func (r *ring) open(index int, conf *LiveConfig) error {
	kind, link, err := linkOf(r.Name, index)
	if err != nil {
		return err
	}
	if r.fd, err = unix.Socket(unix.AF_PACKET, kind|unix.SOCK_CLOEXEC, 0); err != nil {
		return err
	}
	r.link = link
	if err := r.share(conf); err != nil {
		return err
	}
	if err := r.filter(conf); err != nil {
		return err
	}
	if lo, err := indexOf("lo"); err == nil && index == 0 {
		r.loopback = uint32(lo)
	} else if err == nil && index == lo {
		// What goes out comes in, too: once is enough. Kernels before 4.20 do not know it.
		if unix.SetsockoptInt(r.fd, unix.SOL_PACKET, unix.PACKET_IGNORE_OUTGOING, 1) != nil {
			r.loopback = uint32(lo)
		}
	}
	if conf.Promiscuous && index != 0 {
		m := unix.PacketMreq{Ifindex: int32(index), Type: unix.PACKET_MR_PROMISC}
		if err := unix.SetsockoptPacketMreq(r.fd, unix.SOL_PACKET, unix.PACKET_ADD_MEMBERSHIP, &m); err != nil {
			return err
		}
	}
	return unix.Bind(r.fd, &unix.SockaddrLinklayer{Protocol: networkOrder(unix.ETH_P_ALL), Ifindex: index})
}

// filter tells the kernel which packets are wanted, and how much of them. It
// is there before the socket is bound: nothing else slips in.
func (r *ring) filter(conf *LiveConfig) error {
	switch {
	case conf.Filter != nil:
		program, err := conf.Filter.Compile(filter.Target{LinkType: uint16(r.link), Live: true, Snaplen: uint32(conf.Snaplen)})
		if err != nil {
			return err
		}
		list := make([]unix.SockFilter, len(program))
		for i, in := range program {
			list[i] = unix.SockFilter{Code: in.Op, Jt: in.Jt, Jf: in.Jf, K: in.K}
		}
		return attach(r.fd, list)
	case conf.Snaplen > 0:
		return attach(r.fd, []unix.SockFilter{{Code: unix.BPF_RET | unix.BPF_K, K: uint32(conf.Snaplen)}})
	}
	return nil
}

// share makes the memory.
func (r *ring) share(conf *LiveConfig) error {
	if err := unix.SetsockoptInt(r.fd, unix.SOL_PACKET, unix.PACKET_VERSION, unix.TPACKET_V3); err != nil {
		return err
	}
	if err := unix.SetsockoptInt(r.fd, unix.SOL_PACKET, unix.PACKET_RESERVE, reserve); err != nil {
		return err
	}
	size := conf.Buffer
	if size == 0 {
		size = defaultRing
	}
	n := max(2, (size+blockSize-1)/blockSize)
	req := unix.TpacketReq3{
		Block_size: blockSize, Block_nr: uint32(n), Frame_size: blockSize, Frame_nr: uint32(n),
		Retire_blk_tov: uint32(lag.Milliseconds()),
	}
	if err := unix.SetsockoptTpacketReq3(r.fd, unix.SOL_PACKET, unix.PACKET_RX_RING, &req); err != nil {
		return fmt.Errorf("a buffer of %d MiB: %w", n, err)
	}
	var err error
	r.mem, err = unix.Mmap(r.fd, 0, n*blockSize, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	return err
}

// linkOf says how an interface is opened: raw where its packets have a link
// layer that is known here, else cooked, without it.
func linkOf(name string, index int) (kind int, link LinkType, err error) {
	if index == 0 {
		return unix.SOCK_DGRAM, LinkLinuxSLL2, nil
	}
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return 0, 0, err
	}
	defer unix.Close(fd)
	request, err := unix.NewIfreq(name)
	if err != nil {
		return 0, 0, err
	}
	if err := unix.IoctlIfreq(fd, unix.SIOCGIFHWADDR, request); err != nil {
		return 0, 0, err
	}
	switch request.Uint16() {
	case unix.ARPHRD_ETHER, unix.ARPHRD_LOOPBACK:
		return unix.SOCK_RAW, LinkEthernet, nil
	case unix.ARPHRD_NONE, unix.ARPHRD_RAWIP:
		return unix.SOCK_RAW, LinkRaw, nil
	}
	return unix.SOCK_DGRAM, LinkLinuxSLL2, nil
}

// read fills p with the next packet that is there.
func (r *ring) read(p *Packet) bool {
	for {
		for r.ours && r.left > 0 {
			h := r.mem[r.at:]
			r.left--
			r.at += int(native.Uint32(h[packetNext:]))
			if h[addressType] == sentByUs && r.loopback != 0 && native.Uint32(h[addressIndex:]) == r.loopback {
				continue
			}
			r.fill(p, h)
			return true
		}
		base := r.block * blockSize
		status := (*uint32)(unsafe.Pointer(&r.mem[base+blockStatus]))
		if r.ours {
			atomic.StoreUint32(status, 0) // the kernel's again
			r.ours = false
			r.block = (r.block + 1) % (len(r.mem) / blockSize)
			continue
		}
		if atomic.LoadUint32(status)&statusUser == 0 {
			return false
		}
		r.ours = true
		r.left = native.Uint32(r.mem[base+blockPackets:])
		r.at = base + int(native.Uint32(r.mem[base+blockFirst:]))
	}
}

// ready says whether there is a packet.
func (r *ring) ready() bool {
	block := r.block
	if r.ours {
		if r.left > 0 {
			return true
		}
		block = (block + 1) % (len(r.mem) / blockSize)
	}
	status := (*uint32)(unsafe.Pointer(&r.mem[block*blockSize+blockStatus]))
	return atomic.LoadUint32(status)&statusUser != 0
}

// fill makes a packet of what begins with its header h.
func (r *ring) fill(p *Packet, h []byte) {
	start := int(native.Uint16(h[packetMAC:]))
	end := start + int(native.Uint32(h[packetKept:]))
	missing := int(native.Uint32(h[packetLength:])) - (end - start)
	tag, tagged := tagOf(h)
	if r.link == LinkLinuxSLL2 {
		start = cook(h, start, tag, tagged)
	} else if tagged && r.link == LinkEthernet && end-start >= 12 {
		copy(h[start-tagLength:], h[start:start+12])
		start -= tagLength
		copy(h[start+12:], tag[:])
	}
	p.Time = Time(int64(native.Uint32(h[packetSec:]))*1e9 + int64(native.Uint32(h[packetNsec:])))
	p.LinkType = r.link
	p.Data = h[start:end:end]
	p.Length = len(p.Data) + missing
	r.note(p)
}

// tagOf gives the VLAN tag that the kernel took off a packet, as it was.
func tagOf(h []byte) (tag [tagLength]byte, tagged bool) {
	status := native.Uint32(h[packetStatus:])
	if status&statusTagged == 0 {
		return tag, false
	}
	tpid := uint16(etherVLAN)
	if status&statusTagTypeOK != 0 {
		tpid = native.Uint16(h[packetTPID:])
	}
	binary.BigEndian.PutUint16(tag[:], tpid)
	binary.BigEndian.PutUint16(tag[2:], uint16(native.Uint32(h[packetTCI:])))
	return tag, true
}

// cook writes the header of LINKTYPE_LINUX_SLL2 before the packet that begins
// at start in h, and gives where that begins.
func cook(h []byte, start int, tag [tagLength]byte, tagged bool) int {
	protocol := [2]byte{h[addressProtocol], h[addressProtocol+1]}
	if tagged {
		start -= tagLength
		copy(h[start:], tag[2:])
		copy(h[start+2:], protocol[:])
		protocol = [2]byte{tag[0], tag[1]}
	}
	start -= sll2
	address := h[packetAddress:addressEnd]
	head := [sll2]byte{0: protocol[0], 1: protocol[1]}
	binary.BigEndian.PutUint32(head[4:], native.Uint32(h[addressIndex:]))
	binary.BigEndian.PutUint16(head[8:], native.Uint16(h[addressHardware:]))
	head[10], head[11] = h[addressType], h[addressLength]
	copy(head[12:], address[addressBytes-packetAddress:])
	copy(h[start:], head[:])
	return start
}

// count adds what the kernel has dropped since it was asked before.
func (r *ring) count() {
	if s, err := unix.GetsockoptTpacketStatsV3(r.fd, unix.SOL_PACKET, unix.PACKET_STATISTICS); err == nil {
		r.Drops += uint64(s.Drops)
		r.Freezes += uint64(s.Freeze_q_cnt)
	}
}

// fail notes why the interface gives no more packets.
func (r *ring) fail() {
	code, err := unix.GetsockoptInt(r.fd, unix.SOL_SOCKET, unix.SO_ERROR)
	switch {
	case err != nil:
		r.Err = fmt.Errorf("capture: %s: %w", r.Name, err)
	case code == int(unix.ENETDOWN), code == int(unix.ENODEV):
		r.Err = fmt.Errorf("capture: %s: the interface went down", r.Name)
	case code != 0:
		r.Err = fmt.Errorf("capture: %s: %w", r.Name, unix.Errno(code))
	}
}

func (r *ring) close() {
	if r.mem != nil {
		unix.Munmap(r.mem)
		r.mem = nil
	}
	if r.fd >= 0 {
		unix.Close(r.fd)
	}
}

func attach(fd int, program []unix.SockFilter) error {
	return unix.SetsockoptSockFprog(fd, unix.SOL_SOCKET, unix.SO_ATTACH_FILTER,
		&unix.SockFprog{Len: uint16(len(program)), Filter: &program[0]})
}

func indexOf(name string) (int, error) {
	i, err := net.InterfaceByName(name)
	if err != nil {
		return 0, err
	}
	return i.Index, nil
}

func networkOrder(n uint16) uint16 {
	var b [2]byte
	binary.BigEndian.PutUint16(b[:], n)
	return native.Uint16(b[:])
}
