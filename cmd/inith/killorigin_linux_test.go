package main

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	pacing "golang.org/x/time/rate"
)

// A slowOrigin serves a file at a rate, and notes what each run asks for, which
// the query names.
type slowOrigin struct {
	*httptest.Server
	content []byte
	limiter *pacing.Limiter

	mu    sync.Mutex
	asked map[string]*asked
	conns map[string]*asked // by remote address
}

// An asked is what one run has asked for.
type asked struct {
	spans      [][2]int64
	sent       int64 // bytes of bodies
	open, most int   // connections
}

// piece is how much of a body is sent at once.
const piece = 64 << 10

func newSlowOrigin(content []byte, takes time.Duration) *slowOrigin {
	o := &slowOrigin{
		content: content, limiter: pacing.NewLimiter(pacing.Limit(float64(len(content))/takes.Seconds()), 2*piece),
		asked: map[string]*asked{}, conns: map[string]*asked{},
	}
	o.Server = httptest.NewUnstartedServer(http.HandlerFunc(o.serve))
	o.Config.ConnState = o.connState
	o.Start()
	return o
}

func (o *slowOrigin) url(run int) string { return fmt.Sprintf("%s/model.bin?run=%d", o.URL, run) }

// of returns what a run has asked for until now.
func (o *slowOrigin) of(run int) asked {
	o.mu.Lock()
	defer o.mu.Unlock()
	a := o.asked[strconv.Itoa(run)]
	if a == nil {
		return asked{}
	}
	now := *a
	now.spans = append([][2]int64(nil), a.spans...)
	return now
}

func (o *slowOrigin) serve(w http.ResponseWriter, r *http.Request) {
	run, span := r.URL.Query().Get("run"), [2]int64{0, int64(len(o.content))}
	if s, ok := strings.CutPrefix(r.Header.Get("Range"), "bytes="); ok {
		first, last, _ := strings.Cut(s, "-")
		span[0], _ = strconv.ParseInt(first, 10, 64)
		if n, err := strconv.ParseInt(last, 10, 64); err == nil {
			span[1] = min(span[1], n+1)
		}
	}
	o.mu.Lock()
	a := o.asked[run]
	if a == nil {
		a = &asked{}
		o.asked[run] = a
	}
	a.spans = append(a.spans, span)
	if o.conns[r.RemoteAddr] == nil {
		o.conns[r.RemoteAddr] = a
		a.open++
		a.most = max(a.most, a.open)
	}
	o.mu.Unlock()
	w.Header().Set("ETag", `"v1"`)
	select {
	case <-time.After(15 * time.Millisecond): // the network is far
	case <-r.Context().Done():
		return
	}
	http.ServeContent(&pacedWriter{w, r, o, a}, r, "", time.Time{}, bytes.NewReader(o.content))
}

func (o *slowOrigin) connState(c net.Conn, s http.ConnState) {
	if s != http.StateClosed {
		return
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if a := o.conns[c.RemoteAddr().String()]; a != nil {
		a.open--
		delete(o.conns, c.RemoteAddr().String())
	}
}

// A pacedWriter sends a body at the origin's rate.
type pacedWriter struct {
	http.ResponseWriter
	r *http.Request
	o *slowOrigin
	a *asked
}

func (p *pacedWriter) Write(b []byte) (int, error) {
	n := 0
	for n < len(b) {
		part := b[n:min(len(b), n+piece)]
		if err := p.o.limiter.WaitN(p.r.Context(), len(part)); err != nil {
			return n, err
		}
		m, err := p.ResponseWriter.Write(part)
		n += m
		p.o.mu.Lock()
		p.a.sent += int64(m)
		p.o.mu.Unlock()
		if err != nil {
			return n, err
		}
	}
	return n, nil
}

// block is how much of a partial file must be right to count as arrived.
const block = 64 << 10

// arrived returns which blocks of what is wanted are in a file. None are if it is
// not there.
func arrived(path string, content []byte) ([]bool, error) {
	all := make([]bool, (len(content)+block-1)/block)
	f, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		return all, nil
	}
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	b := make([]byte, block)
	for i := range all {
		want := content[i*block : min(len(content), i*block+block)]
		n, err := f.ReadAt(b[:len(want)], int64(i*block))
		if err != nil && !errors.Is(err, io.EOF) {
			return nil, err
		}
		all[i] = bytes.Equal(b[:n], want)
	}
	return all, nil
}

// holds reports whether all of a file is the content.
func holds(path string, content []byte) (bool, error) {
	b, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return false, nil
	}
	return bytes.Equal(b, content), err
}

// verdict asks another program what a file is, and looks at what is left beside it.
func verdict(dest, sum string) error {
	out, err := exec.Command("sha256sum", dest).Output()
	if err != nil || !strings.HasPrefix(string(out), sum+" ") {
		return fmt.Errorf("sha256sum: %w, %s, want %s", cmp.Or(err, errors.New("wrong")), out, sum)
	}
	return onlyReceipt(dest)
}

// stateOf returns the directory of the state of a destination.
func stateOf(dest string) string {
	return filepath.Join(filepath.Dir(dest), ".inith", strconv.Itoa(os.Geteuid()))
}

func onlyReceipt(dest string) error {
	left, err := os.ReadDir(stateOf(dest))
	if err != nil || len(left) != 1 || left[0].Name() != filepath.Base(dest)+".receipt" {
		return fmt.Errorf("left in .inith: %v, %w", left, cmp.Or(err, errors.New("want the receipt only")))
	}
	return nil
}
