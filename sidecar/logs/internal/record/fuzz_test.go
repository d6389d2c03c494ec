package record_test

import (
	"bytes"
	"testing"
	"time"

	"github.com/tinylib/msgp/msgp"

	"github.com/inith/inith/sidecar/logs/internal/record"
)

// FuzzAppend makes records of any text in pieces: all of it is used, and what comes out is MessagePack.
func FuzzAppend(f *testing.F) {
	for _, seed := range []string{
		"one\ntwo", "\x00\x00x\n", "{\"a\":[1,{\"b\":null}]}\n{\n", "Traceback (most recent call last):\n  x\nE: y\n", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\nb", "\xff\xfe\r\r\n\n",
	} {
		f.Add([]byte(seed), uint8(0), uint8(3))
		f.Add([]byte(seed), uint8(7), uint8(30))
	}
	f.Fuzz(func(t *testing.T, data []byte, choice, room uint8) {
		o := record.Options{Key: "log", Limit: 32, Long: []record.Long{record.Split, record.Cut, record.Skip}[choice%3]}
		if choice&4 != 0 {
			o.Multiline, _ = record.ParseMachine(record.Machines()[choice%3])
		}
		if choice&8 != 0 {
			o.Parse, _ = record.ParseParser("json")
		}
		e, err := record.NewEncoder(o)
		if err != nil {
			t.Fatal(err)
		}
		inside := false
		for steps := 0; len(data) > 0; steps++ {
			r := e.Append(nil, data, record.Source{Time: time.Unix(1, 0), Inside: inside, End: record.Nothing}, int(room)+1)
			if r.Used <= 0 || r.Used > len(data) {
				t.Fatalf("%d of %d bytes are used", r.Used, len(data))
			}
			records := 0
			for rest := r.Entries; len(rest) > 0; records++ {
				if rest, err = msgp.Skip(rest); err != nil {
					t.Fatalf("%v: %x", err, r.Entries)
				}
			}
			if records != r.Records {
				t.Errorf("%d records, said to be %d", records, r.Records)
			}
			data, inside = bytes.Clone(data[r.Used:]), r.Inside
		}
	})
}
