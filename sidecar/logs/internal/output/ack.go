package output

import (
	"errors"
	"io"
	"math"
	"net"
	"sync"

	"github.com/tinylib/msgp/msgp"

	"github.com/inith/inith/internal/usererr"
)

// acks reads what a receiver says.
type acks struct {
	limit  *limited
	r      *msgp.Reader
	ids    chan string // of the chunks that it acknowledges
	failed chan error
	wg     sync.WaitGroup
	over   chan struct{}
}

func newAcks(conn net.Conn) *acks {
	l := &limited{r: conn, left: maxHandshake}
	return &acks{limit: l, r: msgp.NewReaderSize(l, 1024), ids: make(chan string, maxPending), failed: make(chan error, 1), over: make(chan struct{})}
}

// begin reads until the connection is closed.
func (a *acks) begin() {
	a.limit.left = math.MaxInt64
	a.wg.Go(func() {
		for {
			id, err := readAck(a.r)
			if err != nil {
				a.failed <- connectionClosed(err)
				return
			}
			select {
			case a.ids <- id:
			case <-a.over:
				return
			}
		}
	})
}

// end waits for the reader. The connection was closed.
func (a *acks) end() {
	close(a.over)
	a.wg.Wait()
}

// A limited reader bounds what a receiver may send.
type limited struct {
	r    io.Reader
	left int64
}

func (l *limited) Read(b []byte) (int, error) {
	if l.left <= 0 {
		return 0, errForeign
	}
	n, err := l.r.Read(b[:min(int64(len(b)), l.left)])
	l.left -= int64(n)
	return n, err
}

var errForeign = &usererr.Error{Text: "the receiver sends something else", Hint: "check that it speaks Fluent's Forward protocol, with TLS only if --tls is given"}

// maxText is how many bytes a text of a receiver may have.
const maxText = 1024

// readAck reads {"ack": id}.
func readAck(r *msgp.Reader) (string, error) {
	n, err := r.ReadMapHeader()
	if err != nil {
		return "", foreign(err)
	}
	if n != 1 {
		return "", errForeign
	}
	key, err := readText(r)
	if err != nil {
		return "", err
	}
	if key != "ack" {
		return "", errForeign
	}
	return readText(r)
}

// readText reads a string, or bytes: both are in use.
func readText(r *msgp.Reader) (string, error) {
	kind, err := r.NextType()
	if err != nil {
		return "", foreign(err)
	}
	var n uint32
	switch kind {
	case msgp.StrType:
		n, err = r.ReadStringHeader()
	case msgp.BinType:
		n, err = r.ReadBytesHeader()
	default:
		return "", errForeign
	}
	if err != nil {
		return "", foreign(err)
	}
	if n > maxText {
		return "", errForeign
	}
	b := make([]byte, n)
	_, err = r.ReadFull(b)
	return string(b), foreign(err)
}

// foreign returns err, or that the bytes are not of the protocol.
func foreign(err error) error {
	if err == nil || errors.Is(err, errForeign) {
		return err
	}
	if _, ok := errors.AsType[msgp.Error](err); ok && msgp.Resumable(err) {
		return errForeign
	}
	if _, ok := errors.AsType[msgp.InvalidPrefixError](err); ok {
		return errForeign
	}
	return err
}
