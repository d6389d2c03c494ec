package metrics

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/inith/inith/internal/usererr"
)

// A streamSocket receives lines over TCP.
type streamSocket struct {
	listener *net.TCPListener
	queue    *queue
	self     *self
	slots    chan struct{} // bounds the connections
}

// What streams may be at most.
const (
	maxConnections = 1024
	maxLine        = 4 << 10 // bytes, as in statsd_exporter
)

// listenTCP opens the socket for streams.
func (s *Server) listenTCP(ctx context.Context) (*streamSocket, error) {
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", s.o.ListenTCP)
	if err != nil {
		return nil, usererr.Listen("TCP address", s.o.ListenTCP, err)
	}
	listener, ok := l.(*net.TCPListener)
	if !ok {
		return nil, errors.New("no TCP socket")
	}
	return &streamSocket{listener: listener, queue: s.queue, self: s.self, slots: make(chan struct{}, maxConnections)}, nil
}

// acceptTime is how long connections are accepted that were made before the end.
const acceptTime = 100 * time.Millisecond

// receive takes connections until ctx ends, then those that the kernel still has, and reads what was sent on them.
func (s *streamSocket) receive(ctx context.Context) error {
	var connections sync.WaitGroup
	defer connections.Wait()
	defer s.close()
	stop := context.AfterFunc(ctx, func() { _ = s.listener.SetDeadline(time.Now().Add(acceptTime)) })
	defer stop()
	for {
		c, err := s.listener.AcceptTCP()
		switch {
		case errors.Is(err, os.ErrDeadlineExceeded) && ctx.Err() != nil:
			return nil
		case errors.Is(err, unix.EMFILE), errors.Is(err, unix.ENFILE), errors.Is(err, unix.ECONNABORTED):
			s.self.tcpErrors.Inc()
			select {
			case <-ctx.Done():
			case <-time.After(acceptTime):
			}
			continue
		case err != nil:
			return fmt.Errorf("accept at %s: %w", s.listener.Addr(), usererr.Local(err))
		}
		select {
		case s.slots <- struct{}{}:
			connections.Go(func() {
				defer func() { <-s.slots }()
				s.read(ctx, c)
			})
		default:
			s.self.tcpErrors.Inc()
			_ = c.Close()
		}
	}
}

func (s *streamSocket) close() { _ = s.listener.Close() }

// read puts the lines of a connection into the queue, until the connection ends, or ctx and what the kernel has.
func (s *streamSocket) read(ctx context.Context, c *net.TCPConn) {
	defer func() { _ = c.Close() }()
	s.self.tcpConnections.Inc()
	stop := context.AfterFunc(ctx, func() { _ = c.SetReadDeadline(time.Unix(1, 0)) })
	defer stop()
	r := bufio.NewReaderSize(&stream{conn: c}, maxLine)
	for {
		line, tooLong, err := r.ReadLine()
		switch {
		case errors.Is(err, io.EOF):
			return
		case err != nil:
			s.self.tcpErrors.Inc()
			return
		case tooLong:
			s.self.tcpTooLong.Inc()
			return
		}
		s.queue.wait(line)
	}
}

// A stream reads a connection. After the end it returns what the kernel has, and then io.EOF.
type stream struct {
	conn  *net.TCPConn
	until time.Time // when reading ends that has gone on after the end; zero before that
}

func (s *stream) Read(p []byte) (int, error) {
	n, err := s.conn.Read(p)
	if !errors.Is(err, os.ErrDeadlineExceeded) {
		return n, err
	}
	if s.until.IsZero() {
		s.until = time.Now().Add(drainTime)
	}
	if time.Now().After(s.until) {
		return 0, io.EOF
	}
	raw, err := s.conn.SyscallConn()
	if err != nil {
		return 0, err
	}
	if controlErr := raw.Control(func(fd uintptr) { n, _, err = unix.Recvfrom(int(fd), p, unix.MSG_DONTWAIT) }); controlErr != nil {
		return 0, controlErr
	}
	if n <= 0 {
		return 0, io.EOF
	}
	return n, err
}
