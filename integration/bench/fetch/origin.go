package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path"
	"path/filepath"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

const (
	roleOrigin = "origin"
	bucket     = "bench" // the first segment of a path; to an S3 client, its bucket
)

// serveOrigin is an HTTP server of files, until its standard input ends. Bytes
// go from the page cache to the socket by sendfile, so it takes little CPU.
// It lists them as a hub does, and as S3 does.
func serveOrigin(ctx context.Context, stdin io.Reader, stdout io.Writer, args []string) error {
	f := flag.NewFlagSet(roleOrigin, flag.ContinueOnError)
	dir := f.String("dir", "", "folder of the files")
	addr := f.String("listen", "", "address")
	pace := f.Int("pace", 0, "bytes a second a connection")
	cut := f.Int64("cut", 0, "bytes after which a connection is closed")
	if err := f.Parse(args); err != nil {
		return err
	}
	tcp, err := (&net.ListenConfig{}).Listen(ctx, "tcp4", *addr)
	if err != nil {
		return err
	}
	l := &listener{Listener: tcp, pace: *pace, cut: *cut}
	c, err := readCatalog(*dir)
	if err != nil {
		return err
	}
	server := &http.Server{Handler: c.serve(files(*dir)), ReadHeaderTimeout: time.Minute}
	served := make(chan error, 1)
	go func() { served <- server.Serve(l) }()
	fmt.Fprintln(stdout, tcp.Addr())
	_, _ = io.Copy(io.Discard, stdin)
	if err := server.Close(); err != nil {
		return err
	}
	if err := <-served; !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	fmt.Fprintf(stdout, "origin: %d connections, %d of them cut\n", l.accepted.Load(), l.wereCut.Load())
	return nil
}

// files serves the files of a folder, with validators and ranges.
func files(dir string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		f, err := os.Open(filepath.Join(dir, path.Base(r.URL.Path)))
		if err != nil {
			http.NotFound(w, r)
			return
		}
		defer func() { _ = f.Close() }()
		info, err := f.Stat()
		if err != nil || !info.Mode().IsRegular() {
			http.NotFound(w, r)
			return
		}
		w.Header().Set("Content-Type", "application/octet-stream")
		if w.Header().Get("ETag") == "" {
			w.Header().Set("ETag", fmt.Sprintf(`"%x-%x"`, info.ModTime().UnixNano(), info.Size()))
		}
		http.ServeContent(w, r, "", info.ModTime(), f)
	})
}

// A listener paces its connections, or cuts them.
type listener struct {
	net.Listener
	pace              int
	cut               int64
	accepted, wereCut atomic.Int64
}

func (l *listener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	l.accepted.Add(1)
	tcp, ok := c.(*net.TCPConn)
	if !ok {
		return c, nil
	}
	if l.pace > 0 {
		if err := paced(tcp, l.pace); err != nil {
			return nil, err
		}
	}
	if l.cut > 0 {
		return &cutConn{TCPConn: tcp, left: l.cut, count: &l.wereCut}, nil
	}
	return c, nil
}

// paced lets the kernel pace what a connection sends, whatever is asked for.
func paced(c *net.TCPConn, rate int) error {
	raw, err := c.SyscallConn()
	if err != nil {
		return err
	}
	var set error
	err = raw.Control(func(fd uintptr) {
		set = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_MAX_PACING_RATE, rate)
	})
	return errors.Join(err, set)
}

// A cutConn is closed once so much was sent, in the middle of a body if need
// be. Its ReadFrom keeps sendfile at work.
type cutConn struct {
	*net.TCPConn
	left  int64 // net/http writes from one goroutine at a time
	count *atomic.Int64
}

func (c *cutConn) Write(b []byte) (int, error) {
	n, err := c.TCPConn.Write(b[:min(int64(len(b)), c.left)])
	return n, errors.Join(err, c.sent(int64(n)))
}

func (c *cutConn) ReadFrom(r io.Reader) (int64, error) {
	limited, ok := r.(*io.LimitedReader)
	if !ok {
		limited = &io.LimitedReader{R: r, N: c.left}
	}
	part := &io.LimitedReader{R: limited.R, N: min(limited.N, c.left)}
	n, err := c.TCPConn.ReadFrom(part)
	limited.N -= n
	return n, errors.Join(err, c.sent(n))
}

func (c *cutConn) sent(n int64) error {
	if c.left -= n; c.left > 0 {
		return nil
	}
	c.count.Add(1)
	return errors.Join(syscall.EPIPE, c.Close())
}
