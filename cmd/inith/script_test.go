package main

import (
	"context"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"io/fs"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"golang.org/x/sys/unix"

	"github.com/inith/inith/internal/simserver"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"inith": main})
}

// canary is the secret of every script. It needs escaping in a URL, and does not
// occur elsewhere.
const canary = "CaN4ry/+ p&ss"

// TestScript runs the scripts that specify the command line. Whatever inith
// writes in them, to stdout, stderr or a file, is searched for the canary.
func TestScript(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "../../testdata/script",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup:               setup,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits":  cmdExits,
			"signal": cmdSignal,
			"become": cmdBecome,
			"unread": cmdUnread,
		},
	})
}

// TestScriptsLookForSecrets holds the scripts to the command that searches the
// output.
func TestScriptsLookForSecrets(t *testing.T) {
	scripts, err := filepath.Glob("../../testdata/script/*.txtar")
	if err != nil || len(scripts) == 0 {
		t.Fatalf("no scripts: %v", err)
	}
	for _, name := range scripts {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(b)) {
			fields := strings.Fields(line)
			if len(fields) > 1 && (fields[0] == "exec" || fields[1] == "exec") && slices.Contains(fields, "inith") {
				t.Errorf("%s: use exits instead of exec: %s", filepath.Base(name), line)
			}
		}
	}
}

// TestCanaryIsFound shows that the search is not blind.
func TestCanaryIsFound(t *testing.T) {
	for _, form := range []string{
		"x" + canary + "x", url.QueryEscape(canary), url.PathEscape(canary),
		base64.StdEncoding.EncodeToString([]byte("user:" + canary)), base64.URLEncoding.EncodeToString([]byte("u:" + canary)),
	} {
		if findCanary("text "+form+" text") == "" {
			t.Errorf("%q is not found", form)
		}
	}
	if form := findCanary("postgres://db:5432/app is not ready: connection refused"); form != "" {
		t.Errorf("%q is found where it is not", form)
	}
}

// findCanary returns the form in which text holds the canary, "" if it does not.
func findCanary(text string) string {
	forms := []string{canary, url.QueryEscape(canary), url.PathEscape(canary), url.UserPassword("u", canary).String()[2:]}
	for shift := range 3 { // base64 depends on what stands before; its ends on the neighbours
		encoded := base64.StdEncoding.EncodeToString([]byte(strings.Repeat("x", shift) + canary))
		form := strings.TrimRight(encoded[4:], "=")
		form = form[:len(form)-2]
		forms = append(forms, form, strings.NewReplacer("+", "-", "/", "_").Replace(form))
	}
	for _, form := range forms {
		if strings.Contains(text, form) {
			return form
		}
	}
	return ""
}

// setup starts the servers and makes the secrets of a script.
func setup(e *testscript.Env) error {
	password := url.UserPassword("app", canary).String()
	e.Setenv("SECRET", canary)
	e.Setenv("SECRET_QUERY", url.QueryEscape(canary))
	e.Setenv("USERINFO", password)
	e.Setenv("HOME", filepath.Join(e.WorkDir, "nohome"))
	e.Setenv("SECRETS", filepath.Join(e.WorkDir, ".secrets"))
	if err := os.Mkdir(filepath.Join(e.WorkDir, ".secrets"), 0o700); err != nil {
		return err
	}
	for name, text := range map[string]string{"password": canary + "\n", "header": "X-Token: " + canary + "\n", "wrong": canary + "x\n"} {
		if err := os.WriteFile(filepath.Join(e.WorkDir, ".secrets", name), []byte(text), 0o600); err != nil {
			return err
		}
	}
	e.Defer(func() { searchFiles(e) })
	if err := startServers(e); err != nil {
		return err
	}
	return startSites(e)
}

// startServers starts simulated servers and puts their addresses into variables.
func startServers(e *testscript.Env) error {
	for name, handler := range map[string]simserver.Handler{
		"OPEN":         simserver.Silent,
		"HANGUP":       simserver.HangUp,
		"SILENT":       simserver.Silent,
		"ECHO":         simserver.Echo(""),
		"ECHO_ERROR":   simserver.Echo("-"),
		"ECHO_REPLY":   simserver.Echo(":"),
		"ECHO_HEADER":  simserver.Echo("HTTP/1.1 302 Found\r\nLocation: http://[bad/"),
		"PG":           simserver.Postgres{Password: canary, Value: []byte("1")}.Handle,
		"PG_STARTING":  simserver.Postgres{Refuse: "57P03"}.Handle,
		"PG_FULL":      simserver.Postgres{Refuse: "53300"}.Handle,
		"PG_NODB":      simserver.Postgres{Refuse: "3D000"}.Handle,
		"PG_FALSE":     simserver.Postgres{Password: canary, Value: []byte("f")}.Handle,
		"PG_BADSQL":    simserver.Postgres{Refuse: "42601"}.Handle,
		"REDIS":        simserver.RedisPing("+PONG\r\n"),
		"REDIS_NOAUTH": simserver.RedisPing("-NOAUTH Authentication required.\r\n"),
		"LOADING":      simserver.RedisPing("-LOADING Redis is loading the dataset in memory\r\n"),
	} {
		s, err := simserver.Listen(context.Background(), "tcp", "127.0.0.1:0", handler)
		if err != nil {
			return err
		}
		e.Defer(s.Close)
		e.Setenv(name, s.Addr())
	}
	refused, err := simserver.Listen(context.Background(), "tcp", "127.0.0.1:0", simserver.Silent)
	if err != nil {
		return err
	}
	refused.Close()
	e.Setenv("REFUSED", refused.Addr())
	return nil
}

// startSites starts an http and an https server that want the canary at /private.
func startSites(e *testscript.Env) error {
	mux := http.NewServeMux()
	mux.HandleFunc("/ok", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("UP")) })
	mux.HandleFunc("/down", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) })
	mux.HandleFunc("/private", func(w http.ResponseWriter, r *http.Request) {
		if _, password, _ := r.BasicAuth(); r.Header.Get("X-Token") != canary && password != canary {
			w.WriteHeader(http.StatusUnauthorized)
		}
	})
	plain, secure := httptest.NewServer(mux), httptest.NewUnstartedServer(mux)
	secure.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	secure.StartTLS()
	e.Defer(plain.Close)
	e.Defer(secure.Close)
	e.Setenv("HTTP", strings.TrimPrefix(plain.URL, "http://"))
	e.Setenv("HTTPS", strings.TrimPrefix(secure.URL, "https://"))
	ca := filepath.Join(e.WorkDir, "ca.pem")
	e.Setenv("CA", ca)
	return os.WriteFile(ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: secure.Certificate().Raw}), 0o600)
}

// searchFiles looks for the canary in the files that a script leaves, but for
// the secrets themselves and the script.
func searchFiles(e *testscript.Env) {
	err := filepath.WalkDir(e.WorkDir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.Name() == ".secrets" {
			return errors.Join(err, fs.SkipDir)
		}
		if !d.Type().IsRegular() {
			return nil
		}
		b, err := os.ReadFile(path)
		if err == nil && findCanary(string(b)) != "" {
			err = errors.New("a secret is in " + path)
		}
		return err
	})
	if err != nil && !errors.Is(err, fs.SkipDir) {
		panic(err) // Env has no way to fail
	}
}

// cmdExits is "exits CODE inith ARG...": testscript itself only knows success
// and failure. It searches what inith wrote for the canary.
func cmdExits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE CMD...")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		exit, ok := errors.AsType[*exec.ExitError](err)
		if !ok {
			ts.Fatalf("%v", err)
		}
		got = exit.ExitCode()
	}
	for _, name := range []string{"stdout", "stderr"} {
		if form := findCanary(ts.ReadFile(name)); form != "" {
			ts.Fatalf("%s shows a secret, as %q", name, form)
		}
	}
	if got != want {
		ts.Fatalf("exit code %d, want %d", got, want)
	}
}

// cmdSignal is "signal NAME AFTER CODE inith ARG...": inith gets the signal
// after that time, and must have ended with that code two seconds later.
func cmdSignal(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 4 {
		ts.Fatalf("usage: signal NAME AFTER CODE CMD...")
	}
	after, err := time.ParseDuration(args[1])
	ts.Check(err)
	want, err := strconv.Atoi(args[2])
	ts.Check(err)
	path, err := exec.LookPath(args[3])
	ts.Check(err)
	cmd := exec.Command(path, args[4:]...)
	cmd.Dir, cmd.Env = ts.MkAbs("."), environ(ts)
	stderr := &strings.Builder{}
	cmd.Stderr = stderr
	ts.Check(cmd.Start())
	done := make(chan error, 1)
	go func() { done <- cmd.Wait() }()
	<-time.After(after)
	ts.Check(cmd.Process.Signal(unix.SignalNum(args[0])))
	select {
	case err := <-done:
		ts.Logf("ended: %v", err)
	case <-time.After(2 * time.Second):
		_ = cmd.Process.Kill()
		ts.Fatalf("has not ended 2s after %s", args[0])
	}
	ts.Check(os.WriteFile(ts.MkAbs("signal.stderr"), []byte(stderr.String()), 0o600))
	if got := exitCodeOf(cmd.ProcessState); got != want {
		ts.Fatalf("exit code %d, want %d: %s", got, want, stderr)
	}
}

func exitCodeOf(s *os.ProcessState) int {
	if status, ok := s.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		return -int(status.Signal())
	}
	return s.ExitCode()
}

func environ(ts *testscript.TestScript) []string {
	var env []string
	for _, name := range []string{"PATH", "INITH_LOG_FORMAT", "INITH_TERMINATION_LOG", "HOME"} {
		env = append(env, name+"="+ts.Getenv(name))
	}
	return env
}

// cmdBecome is "become VARIABLE AFTER": the server at that address, which refuses
// now, starts to listen after that time and is ready.
func cmdBecome(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: become VARIABLE AFTER")
	}
	after, err := time.ParseDuration(args[1])
	ts.Check(err)
	address := ts.Getenv(args[0])
	ctx, cancel := context.WithCancel(context.Background())
	ts.Defer(cancel)
	go func() {
		select {
		case <-ctx.Done():
			return
		case <-time.After(after):
		}
		if s, err := simserver.Listen(ctx, "tcp", address, simserver.RedisPing("+PONG\r\n")); err == nil {
			<-ctx.Done()
			s.Close()
		}
	}()
}

// cmdUnread is "unread CODE inith ARG...": nobody reads stderr, and its pipe is
// closed.
func cmdUnread(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: unread CODE CMD...")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	path, err := exec.LookPath(args[1])
	ts.Check(err)
	r, w, err := os.Pipe()
	ts.Check(err)
	ts.Check(r.Close())
	cmd := exec.Command(path, args[2:]...)
	cmd.Dir, cmd.Env, cmd.Stderr = ts.MkAbs("."), environ(ts), w
	ts.Check(cmd.Start())
	ts.Check(w.Close())
	err = cmd.Wait()
	if got := exitCodeOf(cmd.ProcessState); got != want {
		ts.Fatalf("exit code %d, want %d: %v", got, want, err)
	}
}
