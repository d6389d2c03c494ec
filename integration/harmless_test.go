package integration_test

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/inith/inith/probe"
)

// testHarmless makes 200 attempts, with and without a login. They leave no session and nothing else in the server, and its log
// grows by no more than a client makes it grow.
func (r running) testHarmless(t *testing.T) {
	const attempts, slack = 100, 50
	perUse := r.linesPerUse(t)
	sessions, held, lines := r.sessions(t), r.held(t), r.logLines(t)
	levels := []probe.Level{0}
	if !r.portOnly {
		levels = append(levels, r.spokenLevels(t)[0])
	}
	made := 0
	for _, level := range levels {
		target := openAt(t, r.target(t, r.addr, password), level)
		for range attempts {
			if err := attempt(t, target, time.Minute); err != nil {
				t.Fatal(err)
			}
			made++
		}
	}
	poll(t, 5*time.Minute, func(context.Context) error {
		if now := r.sessions(t); now > sessions {
			return fmt.Errorf("%d connections after %d attempts, %d before", now, made, sessions)
		}
		return nil
	})
	if now := r.held(t); now != held {
		t.Errorf("the server has %s after %d attempts, %s before", now, made, held)
	}
	if grown, most := r.logLines(t)-lines, made*perUse+slack; grown > most {
		t.Errorf("the server logged %d lines in %d attempts, want at most %d", grown, made, most)
	}
}

// linesPerUse returns how many lines the server logs for an application that comes and goes, at least one.
func (r running) linesPerUse(t *testing.T) int {
	t.Helper()
	const uses = 10
	before := r.logLines(t)
	for range uses {
		if err := r.use(t.Context(), r.addr); err != nil {
			t.Fatal(err)
		}
	}
	return max(1, (r.logLines(t)-before+uses-1)/uses)
}

func (r running) held(t *testing.T) string {
	t.Helper()
	if r.holds == nil {
		return ""
	}
	held, err := r.holds(t.Context(), r.addr)
	if err != nil {
		t.Fatal(err)
	}
	return held
}

// logLines counts what the server has written.
func (r running) logLines(t *testing.T) int {
	t.Helper()
	return strings.Count(r.server.log(t.Context(), t), "\n")
}

// sessions counts the connections that the server has not closed: those of clients that are connected, and of clients that
// have gone.
func (r running) sessions(t *testing.T) int {
	t.Helper()
	const address, state, established, closeWait = 1, 3, "01", "08"
	if r.kind.addr != nil {
		return 0 // it is no port
	}
	table, err := os.ReadFile("/proc/net/tcp")
	if err != nil {
		t.Fatal(err)
	}
	port, err := strconv.Atoi(portOf(r.addr))
	if err != nil {
		t.Fatal(err)
	}
	count := 0
	for line := range strings.Lines(string(table)) {
		fields := strings.Fields(line)
		if strings.HasSuffix(fields[address], fmt.Sprintf(":%04X", port)) && (fields[state] == established || fields[state] == closeWait) {
			count++
		}
	}
	return count
}
