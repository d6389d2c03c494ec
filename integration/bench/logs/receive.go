package main

import (
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"sync/atomic"

	"github.com/tinylib/msgp/msgp"
)

// A counter counts lines of all connections.
type counter struct {
	want int64
	got  atomic.Int64
}

// add counts lines, and says when all are there.
func (c *counter) add(n int64) {
	if got := c.got.Add(n); got >= c.want && got-n < c.want {
		_, _ = io.WriteString(os.Stdout, "done\n")
	}
}

// forward discards messages in PackedForward mode, and acknowledges them. The entries are not decoded: their number is in the
// message.
func (c *counter) forward(conn net.Conn) error {
	r := msgp.NewReaderSize(conn, 256<<10)
	for {
		if _, err := r.ReadArrayHeader(); err != nil {
			return err
		}
		if _, err := r.ReadString(); err != nil {
			return err
		}
		n, err := r.ReadBytesHeader()
		if err != nil {
			return err
		}
		if _, err := r.R.Skip(int(n)); err != nil {
			return err
		}
		option := map[string]any{}
		if err := r.ReadMapStrIntf(option); err != nil {
			return err
		}
		chunk, ok := option["chunk"].(string)
		if !ok {
			return errors.New("no chunk")
		}
		ack := msgp.AppendString(msgp.AppendString(msgp.AppendMapHeader(nil, 1), "ack"), chunk)
		if _, err := conn.Write(ack); err != nil {
			return err
		}
		size, _ := option["size"].(int64)
		c.add(size)
	}
}

// lines discards lines.
func (c *counter) lines(conn net.Conn) error {
	b := make([]byte, 256<<10)
	for {
		n, err := conn.Read(b)
		c.add(int64(bytes.Count(b[:n], []byte{'\n'})))
		if err != nil {
			return err
		}
	}
}
