package linkem

import (
	"bytes"
	"encoding/binary"
	"testing"
)

// A frame of ten segments and a bit, of which some are lost.
func TestFrameWithoutLostSegments(t *testing.T) {
	const size, headers = 1000, headerLen + 20 + 32
	b := make([]byte, headers+10*size+7)
	b[0], b[1] = flagCsum, typeTCP4
	binary.LittleEndian.PutUint16(b[4:], size)
	b[headerLen], b[headerLen+9] = 0x45, protoTCP
	b[headerLen+20+12] = 8 << 4
	b[headerLen+20+13] = finPush | congested
	for i := range b[headers:] {
		b[headers+i] = byte(i / size)
	}
	f, ok := parse(b)
	if !ok || f.segments != 11 {
		t.Fatalf("parse: got %d segments, %v; want 11", f.segments, ok)
	}
	if got, want := f.wire(), int64(10*size+7+11*(20+32+ethernet)); got != want {
		t.Errorf("wire: got %d, want %d", got, want)
	}
	number := -1
	rest, lost := f.without(func() bool { number++; return number == 0 || number == 4 || number == 9 })
	if lost != 3 || len(rest) != 3 {
		t.Fatalf("without: got %d lost and %d parts, want 3 and 3", lost, len(rest))
	}
	for i, want := range []struct{ from, to, flags, gso int }{{1, 4, 0, 1}, {5, 9, 0, 1}, {10, 11, finPush, 0}} {
		p := rest[i]
		if got := binary.BigEndian.Uint32(p[headerLen+20+4:]); got != uint32(want.from*size) {
			t.Errorf("part %d: sequence number %d, want %d", i, got, want.from*size)
		}
		if got := int(p[headerLen+20+13]); got != want.flags {
			t.Errorf("part %d: flags %#x, want %#x", i, got, want.flags)
		}
		if int(p[1]) != want.gso {
			t.Errorf("part %d: type %d, want %d", i, p[1], want.gso)
		}
		if got := fold(sum(p[headerLen : headerLen+20])); got != 0xffff {
			t.Errorf("part %d: the IPv4 header sums to %#x", i, got)
		}
		if wanted := b[headers+want.from*size : headers+min(want.to*size, 10*size+7)]; !bytes.Equal(p[headers:], wanted) {
			t.Errorf("part %d: other bytes", i)
		}
	}
}

// Nothing lost, nothing copied; and what is no IPv4 is no frame.
func TestFrameAsItIs(t *testing.T) {
	b := make([]byte, headerLen+40)
	b[headerLen] = 0x45
	f, ok := parse(b)
	if rest, lost := f.without(func() bool { return false }); !ok || rest != nil || lost != 0 {
		t.Errorf("got %d parts, %d lost, %v", len(rest), lost, ok)
	}
	b[headerLen] = 0x60
	if _, ok := parse(b); ok {
		t.Error("an IPv6 packet was taken")
	}
}
