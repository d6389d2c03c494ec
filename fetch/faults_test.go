package fetch_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/inith/inith/fetch"
	"github.com/inith/inith/internal/testing/faultserver"
)

// resolver is asked for names; nil is the system's. Whoever replaced
// [net.DefaultResolver] later would race with connections that are under way.
var resolver atomic.Pointer[net.Resolver]

// TestMain makes the resolver one that tests can replace.
func TestMain(m *testing.M) {
	system := net.DefaultResolver
	net.DefaultResolver = &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, network, address string) (net.Conn, error) {
		if r := resolver.Load(); r != nil {
			return r.Dial(ctx, network, address)
		}
		return (&net.Dialer{Resolver: system}).DialContext(ctx, network, address)
	}}
	m.Run()
}

var errHangs = errors.New("the transfer hangs")

// TestFaults fetches from an origin that goes wrong in each way of the list, with
// a pinned digest and without, after a naive client has gone wrong.
func TestFaults(t *testing.T) {
	t.Parallel()
	for _, f := range faultserver.Faults() {
		if !lookedUp(f) {
			t.Run(f.String(), func(t *testing.T) {
				t.Parallel()
				testFault(t, f, true)
			})
		}
	}
}

// TestLookupFaults is as TestFaults, for origins that only their own name server
// knows. It is not parallel: there is one resolver.
func TestLookupFaults(t *testing.T) {
	t.Cleanup(func() { resolver.Store(nil) })
	for _, f := range faultserver.Faults() {
		if lookedUp(f) {
			t.Run(f.String(), func(t *testing.T) { testFault(t, f, false) })
		}
	}
}

// lookedUp reports whether a fault needs the server's name server.
func lookedUp(f faultserver.Fault) bool { return f.Number == 31 || f.Name == "subdomain" }

// testFault runs the naive client and both transfers at the same time, if it may:
// they mostly wait.
func testFault(t *testing.T, f faultserver.Fault, parallel bool) {
	t.Helper()
	runs := []*faultRun{newFaultRun(t, f, true), newFaultRun(t, f, false)}
	work := []func(){func() { checkNaive(t, f) }}
	for i := range runs {
		work = append(work, func() { runs[i] = runs[i].untilStruck(t) })
	}
	var wg sync.WaitGroup
	for _, w := range work {
		if wg.Go(w); !parallel {
			wg.Wait()
		}
	}
	wg.Wait()
	for _, r := range runs {
		t.Run(map[bool]string{true: "pinned", false: "unpinned"}[r.pinned], r.check)
	}
}

// faulty returns a server with a fault.
func faulty(t *testing.T, f faultserver.Fault, size int64) (*faultserver.Server, *faultserver.Injection) {
	t.Helper()
	s := &faultserver.Server{Content: faultserver.Content{Size: size, Seed: uint64(f.Number)}}
	i := s.Inject(f)
	if err := s.Start(t.Context()); err != nil {
		t.Errorf("start: %v", err)
	}
	t.Cleanup(s.Close)
	return s, i
}

// checkNaive lets the naive client of a fault go wrong: where it does not, nothing
// is tested.
func checkNaive(t *testing.T, f faultserver.Fault) {
	t.Helper()
	s, i := faulty(t, f, 2<<20+4321)
	defer s.Close()
	client := s.Client()
	defer client.CloseIdleConnections()
	limit := time.Minute
	if f.Harm == faultserver.Hangs {
		limit = 500 * time.Millisecond
	}
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	got, err := f.Naive(ctx, client, s.URL(), faultserver.Credentials())
	if err := s.Harmed(f, got, err); err != nil {
		t.Errorf("the naive client: %v", err)
	}
	if i.Fired() == 0 {
		t.Error("the fault has not struck the naive client")
	}
}

// A faultRun is a transfer from a server with a fault.
type faultRun struct {
	fault    faultserver.Fault
	injected *faultserver.Injection
	server   *faultserver.Server
	pinned   bool
	outcome  faultserver.Outcome
	fetcher  *fetch.Fetcher
	file     fetch.File
	dest     string
	log      bytes.Buffer
	err      error
}

func newFaultRun(t *testing.T, f faultserver.Fault, pinned bool) *faultRun {
	t.Helper()
	r := &faultRun{fault: f, pinned: pinned, outcome: f.Unpinned, dest: filepath.Join(t.TempDir(), "model.bin")}
	r.server, r.injected = faulty(t, f, 9<<20+4321)
	r.fetcher = &fetch.Fetcher{
		IdleTimeout: 500 * time.Millisecond, HeaderWait: 10 * time.Second, RetryMaxWait: 200 * time.Millisecond,
		StallTimeout: time.Minute, // a TLS handshake may take 10 s
		Logger:       slog.New(slog.NewTextHandler(&r.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	}
	if f.Harm == faultserver.Hangs { // the others answer, on a busy machine late
		r.fetcher.HeaderWait = 500 * time.Millisecond
	}
	if f.Pinned == faultserver.Refuse {
		r.fetcher.StallTimeout = 3 * time.Second
	}
	if pem := r.server.PEM(); pem != nil {
		r.fetcher.TLS = fetch.TLS{CAFile: write(t, pem)}
	}
	if proxy := r.server.Proxy(); proxy != nil {
		r.fetcher.Proxy = func(*url.URL) (*url.URL, error) { return proxy, nil }
	}
	r.file = fetch.File{URL: parse(t, r.server.URL()), Dest: r.dest, HeaderFiles: []string{write(t, lines(faultserver.Credentials()))}}
	if pinned {
		r.outcome, r.file.Digest = f.Pinned, pin(r.server.Want())
	}
	return r
}

// untilStruck runs the transfer, some times if need be: of two answers for the same bytes the
// one with the fault may be the one that was not needed.
func (r *faultRun) untilStruck(t *testing.T) *faultRun {
	t.Helper()
	r.run(t)
	for tries := 0; tries < 4 && r.injected.Fired() == 0 && !r.fault.Avoidable; tries++ {
		r = newFaultRun(t, r.fault, r.pinned)
		r.run(t)
	}
	return r
}

func (r *faultRun) run(t *testing.T) {
	t.Helper()
	if lookedUp(r.fault) {
		resolver.Store(r.server.Resolver())
	}
	tr, err := r.fetcher.Open(r.file)
	if err != nil {
		t.Error(err)
		return
	}
	ctx, cancel := context.WithTimeoutCause(t.Context(), 10*time.Minute, errHangs)
	defer cancel()
	_, r.err = tr.Run(ctx)
}

// TestSkipped fetches from a server that cannot begin in the middle, and is cut off
// near the end: what is there already comes again, for longer than a stream may
// stand still.
func TestSkipped(t *testing.T) {
	t.Parallel()
	for _, dest := range []string{"model.bin", "-"} {
		t.Run(dest, func(t *testing.T) {
			t.Parallel()
			s := &faultserver.Server{Content: faultserver.Content{Size: 6 << 20, Seed: 1}, Rate: 1 << 20}
			whole, _ := faultserver.Find("range-ignored")
			cut, _ := faultserver.Find("cut")
			cut.Times, cut.At = 1, 5<<20
			s.Inject(whole)
			struck := s.Inject(cut)
			if err := s.Start(t.Context()); err != nil {
				t.Fatal(err)
			}
			t.Cleanup(s.Close)
			var out bytes.Buffer
			f := &fetch.Fetcher{IdleTimeout: 3 * time.Second, StallTimeout: 4 * time.Second, RetryMaxWait: 100 * time.Millisecond, Stdout: &out}
			file := fetch.File{URL: parse(t, s.URL()), Dest: dest, Digest: pin(s.Want())}
			if dest != "-" {
				file.Dest = filepath.Join(t.TempDir(), dest)
			}
			result, err := run(t, f, file)
			if err != nil || result.Retries > 3 || struck.Fired() != 1 {
				t.Errorf("%+v, %v; want right bytes after a retry", result, err)
			}
		})
	}
}

// TestRateLimit lets streams wait for the limit longer than they may stand still.
func TestRateLimit(t *testing.T) {
	t.Parallel()
	s := &faultserver.Server{Content: faultserver.Content{Size: 1 << 20, Seed: 1}}
	if err := s.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	f := &fetch.Fetcher{RateLimit: 1 << 18, IdleTimeout: 1200 * time.Millisecond, StallTimeout: 10 * time.Second}
	file := fetch.File{URL: parse(t, s.URL()), Dest: filepath.Join(t.TempDir(), "model.bin")}
	result, err := run(t, f, file)
	if err != nil || result.Retries > 0 || result.Elapsed < 2*time.Second {
		t.Errorf("%+v, %v; want no retries", result, err)
	}
	if sum, err := sumOf(file.Dest); sum != pin(s.Want()).Hex {
		t.Errorf("WRONG BYTES, %v", err)
	}
}

func (r *faultRun) check(t *testing.T) {
	t.Helper()
	switch r.outcome {
	case faultserver.Right:
		if r.err != nil {
			t.Errorf("err = %v, want right bytes\n%s", r.err, &r.log)
		}
	case faultserver.Refuse:
		if r.err == nil {
			t.Error("no error")
		}
	case faultserver.Either, faultserver.Blind:
	}
	if r.err != nil {
		if err := refused(r.err, r.dest); err != nil {
			t.Error(err)
		}
	} else if sum, err := sumOf(r.dest); r.outcome != faultserver.Blind && !r.served(sum) {
		t.Errorf("WRONG BYTES (%v)\n%s", err, &r.log)
	}
	if r.injected.Fired() == 0 && !r.fault.Avoidable {
		t.Errorf("the fault has not struck\n%s", &r.log)
	}
	if leaks := r.server.Leaks(); len(leaks) > 0 {
		t.Errorf("leaks: %q", leaks)
	}
	if strays := r.server.Strangers(); r.fault.Harm == faultserver.Strays && len(strays) > 0 {
		t.Errorf("stray requests: %v", strays)
	}
	if strings.Contains(r.log.String(), faultserver.Secret) {
		t.Errorf("the log holds the secret: %s", &r.log)
	}
	if err := tidy(filepath.Dir(r.dest), r.err == nil); err != nil {
		t.Error(err)
	}
}

// served reports whether a digest is that of a version which the server had: the first one may
// have come whole before it changed.
func (r *faultRun) served(sum string) bool {
	return sum == pin(r.server.Want()).Hex || sum == pin(r.server.Content).Hex && !r.pinned
}

// refused checks an error, and that nothing is at the destination.
func refused(err error, dest string) error {
	text := err.Error()
	if text == "" || strings.Contains(text, "\n") || strings.Contains(text, faultserver.Secret) || strings.Contains(text, errHangs.Error()) {
		return fmt.Errorf("the error is %q", text)
	}
	if _, err := os.Lstat(dest); err == nil {
		return fmt.Errorf("there is a file after the error %w", err)
	}
	return nil
}

// tidy checks that what is in a folder tells no secret, and that a transfer that
// is done has left its receipt and nothing else.
func tidy(folder string, done bool) error {
	left, err := filepath.Glob(stateOf(filepath.Join(folder, "x")) + "/*")
	if err != nil {
		return err
	}
	for _, name := range left {
		if done && !strings.HasSuffix(name, ".receipt") {
			return fmt.Errorf("left: %s", filepath.Base(name))
		}
		if b, err := os.ReadFile(name); err != nil || bytes.Contains(b, []byte(faultserver.Secret)) {
			return fmt.Errorf("the state holds the secret, or: %w", err)
		}
	}
	return nil
}

// pinned are the digests of contents, which take long to compute.
var pinned sync.Map

// pin returns the digest of a content.
func pin(c faultserver.Content) fetch.Digest {
	key := [2]uint64{uint64(c.Len()), c.Seed}
	if known, _ := pinned.Load(key); c.Bytes == nil {
		if d, ok := known.(fetch.Digest); ok {
			return d
		}
	}
	sum := c.SHA256()
	d := fetch.Digest{Algorithm: "sha256", Hex: hex.EncodeToString(sum[:])}
	if c.Bytes == nil {
		pinned.Store(key, d)
	}
	return d
}

func sumOf(path string) (string, error) {
	b, err := os.ReadFile(path)
	return fmt.Sprintf("%x", sha256.Sum256(b)), err
}

// write returns the path of a new file.
func write(t *testing.T, b []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// lines returns headers as they are in a file.
func lines(h http.Header) []byte {
	var b bytes.Buffer
	_ = h.Write(&b)
	return bytes.ReplaceAll(b.Bytes(), []byte("\r"), nil)
}
