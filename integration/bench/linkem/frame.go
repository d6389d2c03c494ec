package linkem

import "encoding/binary"

const (
	headerLen = 10                // of a struct virtio_net_hdr: flags, type, and four lengths
	maxFrame  = headerLen + 1<<16 // IPv4's longest
	ethernet  = 14                // what a segment takes on the wire besides
	flagCsum  = 1                 // VIRTIO_NET_HDR_F_NEEDS_CSUM
	typeTCP4  = 1                 // VIRTIO_NET_HDR_GSO_TCPV4
	typeECN   = 0x80              // a bit of the type
	finPush   = 0x09              // for a stream's last segment only
	congested = 0x80              // CWR, for its first one only
	protoTCP  = 6
	sumOffset = 16 // of the checksum in TCP's header
)

// A frame is what a TUN device hands over: a struct virtio_net_hdr and an IPv4
// packet, which may stand for many segments of one TCP stream.
type frame struct {
	b        []byte
	ip, tcp  int // lengths of the headers; tcp is known if there are many segments
	size     int // payload of a segment, if there are many
	segments int
}

// parse understands IPv4; other packets, the kernel's own, have no use here.
func parse(b []byte) (frame, bool) {
	if len(b) < headerLen+20 || b[headerLen]>>4 != 4 {
		return frame{}, false
	}
	f := frame{b: b, ip: int(b[headerLen]&15) * 4, segments: 1}
	if b[1]&^typeECN != typeTCP4 || len(b) < headerLen+f.ip+20 {
		return f, true
	}
	f.tcp = int(b[headerLen+f.ip+12]>>4) * 4
	f.size = int(binary.LittleEndian.Uint16(b[4:]))
	if payload := f.payload(); f.size > 0 && payload > 0 {
		f.segments = (payload + f.size - 1) / f.size
	}
	return f, true
}

func (f frame) payload() int { return len(f.b) - headerLen - f.ip - f.tcp }

// wire returns what its segments take on the wire.
func (f frame) wire() int64 {
	return int64(len(f.b) - headerLen + (f.segments-1)*(f.ip+f.tcp) + f.segments*ethernet)
}

// without returns frames of the segments that are not lost, and how many are.
// If none is, there is no new frame: the old one will do.
func (f frame) without(isLost func() bool) (rest [][]byte, lost int) {
	from := 0
	for i := range f.segments {
		if !isLost() {
			continue
		}
		lost++
		if i > from {
			rest = append(rest, f.part(from, i))
		}
		from = i + 1
	}
	if lost > 0 && from < f.segments {
		rest = append(rest, f.part(from, f.segments))
	}
	return rest, lost
}

// part copies the segments [from, to) into a frame of their own.
func (f frame) part(from, to int) []byte {
	headers := headerLen + f.ip + f.tcp
	end := min(to*f.size, f.payload())
	b := append(append(make([]byte, 0, headers+end-from*f.size), f.b[:headers]...), f.b[headers+from*f.size:headers+end]...)
	ip := b[headerLen:]
	tcp := ip[f.ip:]

	put16(binary.BigEndian, ip[2:], len(ip))
	put16(binary.BigEndian, ip[4:], int(binary.BigEndian.Uint16(ip[4:]))+from) // a packet's number
	put16(binary.BigEndian, ip[10:], 0)
	put16(binary.BigEndian, ip[10:], int(^fold(sum(ip[:f.ip]))))

	binary.BigEndian.PutUint32(tcp[4:], binary.BigEndian.Uint32(tcp[4:])+uint32(from*f.size)) //nolint:gosec // both are below 64 KiB
	if end < f.payload() {
		tcp[13] &^= finPush
	}
	if from > 0 {
		tcp[13] &^= congested
	}
	// The receiver's kernel adds the rest: the sum of the pseudo-header is enough.
	pseudo := sum(ip[12:20]) + protoTCP + uint32(len(tcp)) //nolint:gosec // below 64 KiB
	put16(binary.BigEndian, tcp[sumOffset:], int(fold(pseudo)))

	b[0], b[1] = flagCsum, 0
	size := 0
	if to-from > 1 {
		b[1], size = typeTCP4, f.size
	}
	put16(binary.LittleEndian, b[2:], f.ip+f.tcp)
	put16(binary.LittleEndian, b[4:], size)
	put16(binary.LittleEndian, b[6:], f.ip)
	put16(binary.LittleEndian, b[8:], sumOffset)
	return b
}

// put16 keeps the low 16 bits, as the fields of IP wrap.
func put16(order binary.ByteOrder, b []byte, v int) {
	order.PutUint16(b, uint16(v&0xffff))
}

// sum and fold are the Internet checksum of RFC 1071.
func sum(b []byte) uint32 {
	var s uint32
	for ; len(b) > 1; b = b[2:] {
		s += uint32(binary.BigEndian.Uint16(b))
	}
	if len(b) == 1 {
		s += uint32(b[0]) << 8
	}
	return s
}

func fold(s uint32) uint16 {
	for s>>16 != 0 {
		s = s&0xffff + s>>16
	}
	return uint16(s)
}
