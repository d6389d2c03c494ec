package metrics

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/inith/inith/internal/usererr"
)

// A packetSocket receives datagrams.
type packetSocket struct {
	conn    packetConn
	deliver func(packets [][]byte)
	path    string // of a unix socket; "" for none
}

// A packetConn is a UDP or a unix socket.
type packetConn interface {
	net.PacketConn
	syscall.Conn
	SetReadBuffer(bytes int) error
}

// packetSocket makes a receiver of a socket.
func (s *Server) packetSocket(c net.PacketConn, deliver func(packets [][]byte)) (*packetSocket, error) {
	conn, ok := c.(packetConn)
	if !ok {
		return nil, errors.New("not a socket for datagrams")
	}
	if s.o.ReadBuffer > 0 {
		if err := conn.SetReadBuffer(s.o.ReadBuffer); err != nil {
			_ = conn.Close()
			return nil, fmt.Errorf("read buffer: %w", usererr.Local(err))
		}
	}
	return &packetSocket{conn: conn, deliver: deliver}, nil
}

// packetBatch is how many datagrams one system call receives.
const packetBatch = 64

// maxDatagram is the largest datagram there is.
const maxDatagram = 1<<16 - 1

// receive delivers datagrams until ctx ends, then those that the kernel still has.
func (s *packetSocket) receive(ctx context.Context) error {
	defer s.close()
	stop := context.AfterFunc(ctx, func() { _ = s.conn.SetReadDeadline(time.Unix(1, 0)) })
	defer stop()
	raw, err := s.conn.SyscallConn()
	if err != nil {
		return err
	}
	b := newBatch()
	for ctx.Err() == nil {
		n, err := 0, error(nil)
		if waitErr := raw.Read(func(fd uintptr) bool {
			n, err = b.receive(fd)
			return !errors.Is(err, unix.EAGAIN)
		}); waitErr != nil {
			err = waitErr
		}
		switch {
		case err == nil:
			s.deliver(b.packets(n))
		case errors.Is(err, os.ErrDeadlineExceeded):
		case errors.Is(err, unix.EINTR):
		default:
			return fmt.Errorf("receive at %s: %w", s.conn.LocalAddr(), usererr.Local(err))
		}
	}
	return s.drain(raw, b)
}

// close closes the socket. The file of a unix socket is removed before, so that it is not that of the next process.
func (s *packetSocket) close() {
	if s.path != "" && s.path[0] != '@' {
		_ = os.Remove(s.path)
	}
	_ = s.conn.Close()
}

// drainTime bounds the drain of a socket whose senders go on.
const drainTime = time.Second

// drain delivers what the kernel has, without waiting for more.
func (s *packetSocket) drain(raw syscall.RawConn, b *batch) error {
	for end := time.Now().Add(drainTime); time.Now().Before(end); {
		n, err := 0, error(nil)
		if controlErr := raw.Control(func(fd uintptr) { n, err = b.receive(fd) }); controlErr != nil {
			return controlErr
		}
		switch {
		case err == nil:
			s.deliver(b.packets(n))
		case errors.Is(err, unix.EAGAIN):
			return nil
		case errors.Is(err, unix.EINTR):
		default:
			return err
		}
	}
	return nil
}

// listenUDP opens the socket for datagrams over IP.
func (s *Server) listenUDP(ctx context.Context) (*packetSocket, error) {
	c, err := (&net.ListenConfig{}).ListenPacket(ctx, "udp", s.o.ListenUDP)
	if err != nil {
		return nil, usererr.Listen("UDP address", s.o.ListenUDP, err)
	}
	return s.packetSocket(c, func(packets [][]byte) {
		s.self.udpPackets.Add(float64(len(packets)))
		if dropped := s.queue.offer(packets); dropped > 0 {
			s.self.udpDrops.Add(float64(dropped))
		}
	})
}

// listenUnixgram opens the unix socket for datagrams. Its senders wait when the queue is full.
func (s *Server) listenUnixgram(ctx context.Context) (*packetSocket, error) {
	path := s.o.ListenUnixgram
	if err := removeStaleSocket(path); err != nil {
		return nil, err
	}
	c, err := (&net.ListenConfig{}).ListenPacket(ctx, "unixgram", path)
	if err != nil {
		return nil, usererr.File("unix socket", path, err)
	}
	if path[0] != '@' {
		if err := os.Chmod(path, s.o.SocketMode); err != nil {
			return nil, usererr.File("unix socket", path, err)
		}
	}
	socket, err := s.packetSocket(c, func(packets [][]byte) {
		s.self.unixgramPackets.Add(float64(len(packets)))
		for _, p := range packets {
			s.queue.wait(p)
		}
	})
	if err == nil {
		socket.path = path
	}
	return socket, err
}

// removeStaleSocket removes the socket that a container left behind which was killed: unlike statsd_exporter, the next one
// then starts.
func removeStaleSocket(path string) error {
	info, err := os.Lstat(path)
	if err != nil || info.Mode().Type() != fs.ModeSocket {
		return nil //nolint:nilerr // nothing to remove; listening says what is wrong
	}
	if err := os.Remove(path); err != nil {
		return usererr.File("unix socket", path, err)
	}
	return nil
}
