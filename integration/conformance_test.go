package integration_test

import (
	"context"
	"errors"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/inith/inith/probe"
)

// TestConformance holds every kind of target to the same behaviour before a real
// server in each of its states. The cases of a kind come one after the other.
func TestConformance(t *testing.T) {
	t.Parallel()
	for _, k := range kinds() {
		t.Run(k.name+k.variant, func(t *testing.T) {
			t.Parallel()
			t.Run("unknown option", k.testUnknownOption)
			if k.addr == nil { // else its address is no name
				t.Run("name not found", k.testNameNotFound)
			}
			t.Run("refused", k.testRefused)
			t.Run("silent", k.testSilent)
			if k.starting != nil { // else the kind does not listen to what is said
				t.Run("starting", k.testStarting)
			}

			r := running{kind: k, addr: k.newAddr(t)}
			r.server = k.start(t, r.addr)
			k.useWhenReady(t, r.addr)
			t.Run("ready", r.testReady)
			if k.hasPassword(t, r.addr) {
				t.Run("wrong password", r.testWrongPassword)
			}
			t.Run("no leak", r.testNoLeak)
			t.Run("harmless", r.testHarmless)
			t.Run("hung", r.testHung)
			t.Run("killed", r.testKilled)
		})
	}
}

// running is a kind and its server, which is up.
type running struct {
	kind
	addr   string
	server *server
}

func TestEveryKindHasARow(t *testing.T) {
	t.Parallel()
	// A file has no server. That of k8s is the cluster's, of which there is none here: probe tests it against a fake.
	rows := map[string]bool{"file": true, "k8s": true}
	for _, k := range kinds() {
		rows[k.name] = true
	}
	for _, k := range probe.Kinds() {
		if !rows[k.Name] {
			t.Errorf("kind %s has no row in the conformance suite", k.Name)
		}
	}
}

func (k kind) newAddr(t *testing.T) string {
	t.Helper()
	if k.addr != nil {
		return k.addr(t)
	}
	return freeAddr(t)
}

// hasPassword reports whether the kind's target carries one.
func (k kind) hasPassword(t *testing.T, addr string) bool {
	t.Helper()
	return !k.noPassword && k.target(t, addr, password) != k.target(t, addr, wrongPassword)
}

func open(t *testing.T, raw string) *probe.Target {
	t.Helper()
	return openAt(t, raw, 0)
}

// openAt opens a target at a level, zero being what the target itself asks for.
func openAt(t *testing.T, raw string, level probe.Level) *probe.Target {
	t.Helper()
	target, err := probe.Open(raw, probe.Options{Level: level})
	if err != nil {
		t.Fatalf("open: %v", err)
	}
	hasNoSecret(t, target.Name)
	return target
}

// attempt makes one attempt and checks that it ends soon after its time.
func attempt(t *testing.T, target *probe.Target, limit time.Duration) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	start := time.Now()
	err := target.Probe(ctx)
	if over := time.Since(start) - limit; over > 10*time.Second {
		t.Errorf("Probe returned %v after its context was done", over)
	}
	if err != nil {
		hasNoSecret(t, err.Error())
	}
	return err
}

// wantNotYet checks that err is one that waiting may cure.
func wantNotYet(t *testing.T, err error) {
	t.Helper()
	_, permanent := errors.AsType[*probe.PermanentError](err)
	_, rejected := errors.AsType[*probe.RejectedError](err)
	if err == nil || permanent || rejected {
		t.Errorf("got %v (permanent %t, rejected %t), want a transient error", err, permanent, rejected)
	}
}

// useWhenReady waits as inith does and then uses the server at once.
func (k kind) useWhenReady(t *testing.T, addr string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	if err := new(probe.Waiter).Wait(ctx, open(t, k.target(t, addr, password))); err != nil {
		t.Fatalf("wait: %v", err)
	}
	if err := k.use(t.Context(), addr); err != nil {
		t.Fatalf("used when it was said to be ready: %v", err)
	}
}

func (k kind) testUnknownOption(t *testing.T) {
	target := k.target(t, k.newAddr(t), password)
	separator := "#"
	if strings.Contains(target, "#") {
		separator = "&"
	}
	_, err := probe.Open(target+separator+"nonsense=1", probe.Options{})
	if err == nil {
		t.Fatal("opened with the fragment key nonsense")
	}
	hasNoSecret(t, err.Error())
	wantExit(t, 2, "wait", target+separator+"nonsense=1")
}

func (k kind) testNameNotFound(t *testing.T) {
	_, port, err := net.SplitHostPort(freeAddr(t))
	if err != nil {
		t.Fatal(err)
	}
	// RFC 6761 keeps .invalid from ever being a name.
	target := open(t, k.target(t, net.JoinHostPort("host.invalid.", port), password))
	wantNotYet(t, attempt(t, target, 3*time.Second))
}

func (k kind) testRefused(t *testing.T) {
	target := k.target(t, k.newAddr(t), password)
	wantNotYet(t, attempt(t, open(t, target), time.Second))
	wantExit(t, 1, "wait", "--once", target)
	wantExit(t, 124, "wait", "--timeout=300ms", target)
}

// testSilent asks a server that accepts and never says a word.
func (k kind) testSilent(t *testing.T) {
	network, addr := "tcp", "127.0.0.1:0"
	if k.addr != nil {
		network, addr = "unix", filepath.Join(t.TempDir(), "s")
	}
	l, err := net.Listen(network, addr) // never calls Accept: the kernel does
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	k.wantDeaf(t, l.Addr().String())
}

// wantDeaf checks what is said of a server that accepts and does not answer.
func (k kind) wantDeaf(t *testing.T, addr string) {
	t.Helper()
	target := k.target(t, addr, password)
	if k.portOnly {
		if err := attempt(t, open(t, target), time.Second); err != nil {
			t.Errorf("got %v, want nil: the port accepts", err)
		}
		return
	}
	for _, level := range k.spokenLevels(t) {
		wantNotYet(t, attempt(t, openAt(t, target, level), 500*time.Millisecond))
	}
	r := wantExit(t, 124, "wait", "--timeout=1s", target)
	if r.took > 30*time.Second {
		t.Errorf("inith ended %v after its start, its timeout is 1s", r.took)
	}
}

// spokenLevels are those of the kind at which a server has to say something, but state.
func (k kind) spokenLevels(t *testing.T) []probe.Level {
	t.Helper()
	var levels []probe.Level
	for _, known := range probe.Kinds() {
		for _, l := range known.Levels {
			if known.Name == k.name && (l == probe.LevelProto || l == probe.LevelAuth) {
				levels = append(levels, l)
			}
		}
	}
	if levels == nil {
		t.Fatalf("%s has no level at which it speaks", k.name)
	}
	return levels
}

// testStarting asks a server that accepts and says that it is not ready yet.
func (k kind) testStarting(t *testing.T) {
	addr := k.newAddr(t)
	finish := k.starting(t, addr)
	poll(t, 5*time.Minute, func(ctx context.Context) error { return naive(ctx, "tcp", addr) })
	for _, level := range k.startingLevels {
		err, used := k.attemptBetweenUses(t, addr, level)
		if used == nil {
			t.Fatal("the server was not seen starting: a client that only connects is right")
		}
		t.Logf("%s: %v; the application: %v", level, err, used)
		wantNotYet(t, err)
	}
	finish()
	k.useWhenReady(t, addr)
}

// attemptBetweenUses makes an attempt and returns its error, and that of an
// application after it; nil if the server may have been ready at the attempt.
func (k kind) attemptBetweenUses(t *testing.T, addr string, level probe.Level) (err, used error) {
	t.Helper()
	target := openAt(t, k.target(t, addr, password), level)
	before := k.use(t.Context(), addr)
	err = attempt(t, target, 3*time.Second)
	used = k.use(t.Context(), addr)
	if before == nil {
		used = nil
	}
	return err, used
}

func (r running) testReady(t *testing.T) {
	target := r.target(t, r.addr, password)
	if err := attempt(t, open(t, target), time.Minute); err != nil {
		t.Errorf("got %v, want nil", err)
	}
	wantExit(t, 0, "wait", "--once", target)
}

func (r running) testWrongPassword(t *testing.T) {
	target := r.target(t, r.addr, wrongPassword)
	err := attempt(t, open(t, target), time.Minute)
	if _, ok := errors.AsType[*probe.RejectedError](err); !ok {
		t.Errorf("got %v, want a RejectedError", err)
	}
	wantExit(t, 1, "wait", "--fail-fast", "--timeout=1m", target)
	if err := attempt(t, openAt(t, target, probe.LevelProto), time.Minute); err != nil {
		t.Errorf("level proto: got %v, want nil: a server that refuses a password is up", err)
	}
}

// testHung asks a server whose processes are stopped.
func (r running) testHung(t *testing.T) {
	wake := r.server.hang(t)
	r.wantDeaf(t, r.addr)
	wake()
	r.useWhenReady(t, r.addr)
}

func (r running) testKilled(t *testing.T) {
	r.server.kill(t)
	wantNotYet(t, attempt(t, open(t, r.target(t, r.addr, password)), 3*time.Second))
	wantExit(t, 1, "wait", "--once", r.target(t, r.addr, password))
}
