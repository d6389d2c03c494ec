package main

import (
	"sync"
	"testing"

	"github.com/inith/inith/internal/testing/fluentserver"
	"github.com/inith/inith/internal/testing/logstorm"
)

// TestKilledLogs rotates files in every way while the receiver comes and goes: no line is missing. With kill, `inith sidecar
// logs` is killed again and again too.
func TestKilledLogs(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("starts many processes")
	}
	bin := buildInith(t)
	for name, kills := range map[string]int{"alive": 0, "killed": 8} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			logstorm.Run(t, logstorm.Options{Inith: bin, Receiver: newCounting(), Lines: 100_000, Kills: kills})
		})
	}
}

// A counting receiver keeps the lines.
type counting struct {
	server *fluentserver.Server
	mu     sync.Mutex
	lines  []string
}

func newCounting() *counting {
	c := &counting{}
	c.server = &fluentserver.Server{Receive: func(m fluentserver.Message) fluentserver.Answer {
		c.mu.Lock()
		defer c.mu.Unlock()
		for _, r := range m.Records {
			c.lines = append(c.lines, r.Log())
		}
		return fluentserver.Ack
	}}
	return c
}

func (c *counting) Start() error    { return c.server.Start() }
func (c *counting) Stop()           { c.server.Stop() }
func (c *counting) Address() string { return c.server.Addr }

func (c *counting) Received() (lines []string, connections int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.lines, int(c.server.Accepted.Load())
}
