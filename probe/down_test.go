package probe_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/inith/inith/internal/testing/simserver"
	"github.com/inith/inith/probe"
)

// downs makes one attempt to see raw down.
func downs(t *testing.T, raw string) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	return open(t, raw, probe.Options{Down: true}).Probe(ctx)
}

// TestDownOfEveryKind has a port that refuses, one that closes without an answer, and one that says what no kind
// understands: only the last is up.
func TestDownOfEveryKind(t *testing.T) {
	t.Parallel()
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	refused := listener.Addr().String()
	_ = listener.Close()
	hangUp := serve(t, simserver.HangUp)
	garbage := serve(t, func(c net.Conn) {
		_, _ = fmt.Fprint(c, strings.Repeat("?", 64))
		_, _ = io.Copy(io.Discard, c) // closed at once, it would reset the connection
	})
	for _, k := range probe.Kinds() {
		switch k.Name {
		case "unix", "file", "dns", "k8s": // have no such port
			continue
		}
		raw := k.Name + "://%s"
		if strings.HasSuffix(k.Name, "+sentinel") {
			raw += "/master"
		}
		if k.Name == "s3" {
			raw = "s3://bucket?endpoint=http://%s"
		}
		t.Run(k.Name, func(t *testing.T) {
			t.Parallel()
			if err := downs(t, fmt.Sprintf(raw, refused)); err != nil {
				t.Errorf("refused: %v", err)
			}
			if err := downs(t, fmt.Sprintf(raw, hangUp)); err != nil {
				t.Errorf("closed without an answer: %v", err)
			}
			if err := downs(t, fmt.Sprintf(raw, garbage)+"#timeout=300ms"); err == nil {
				t.Error("garbage: down")
			}
		})
	}
}

func TestDown(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, raw := range []string{
		"file://" + dir + "/a", "unix://" + dir + "/a", "tcp://" + dir[1:2] + ".invalid:1",
	} {
		if err := downs(t, raw); err != nil {
			t.Errorf("%s: %v", raw, err)
		}
	}
	up := serve(t, simserver.Silent)
	names, err := net.ListenPacket("udp", "127.0.0.1:0") // a name server that never answers says nothing about the name
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = names.Close() })
	lookup := "dns://" + names.LocalAddr().String() + "/a#timeout=100ms"
	login := serve(t, simserver.Postgres{Password: secret}.Handle)
	for raw, want := range map[string]string{
		"tcp://" + up:                            "still ready",
		"redis://" + up + "#timeout=100ms":       "sent nothing for 100ms",
		"postgres://app:wrong@" + login + "/app": "password",
		"file://" + dir:                          "still ready",
		lookup:                                   "name not resolved within 100ms",
		"https://" + up + "#ca-file=" + filepath.Join(dir, "ca.pem"): "does not exist yet",
	} {
		if err := downs(t, raw); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "wrong") {
			t.Errorf("%s: %v, want %q", raw, err, want)
		}
	}
}

// TestDownKeepsRejected has a server refuse the login: attempts must slow down, since it may lock the account.
func TestDownKeepsRejected(t *testing.T) {
	t.Parallel()
	login := serve(t, simserver.Postgres{Password: secret}.Handle)
	if _, rejected := errors.AsType[*probe.RejectedError](downs(t, "postgres://app:wrong@"+login+"/app")); !rejected {
		t.Error("not rejected")
	}
}

func TestAny(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		never := fake("never", func(context.Context) error { return errDown })
		impossible := fake("impossible", func(context.Context) error { return probe.Permanent(errDown) })
		soon := fake("soon", readyAfter(time.Minute))
		w := probe.Waiter{Any: true}
		start := time.Now()
		if err := w.Wait(t.Context(), never, impossible, soon); err != nil || time.Since(start) > 2*time.Minute {
			t.Errorf("%v after %v", err, time.Since(start))
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		err := w.Wait(ctx, never, impossible)
		for _, name := range []string{"never", "impossible"} {
			if err == nil || !strings.Contains(err.Error(), name+" is not ready") {
				t.Errorf("%v, want both targets", err)
			}
		}
	})
}
