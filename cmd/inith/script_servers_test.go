package main

import (
	"context"
	"encoding/pem"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/inith/inith/internal/testing/simserver"
)

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
	e.Setenv("REFUSED", refused())
	return nil
}

// refused returns an address where nothing listens. Its port is below those that
// kernels give to clients, and to servers that ask for any: nobody else takes it
// before the script does.
func refused() string {
	for {
		address := fmt.Sprintf("127.0.0.1:%d", 20000+rand.IntN(12000))
		if s, err := simserver.Listen(context.Background(), "tcp", address, simserver.Silent); err == nil {
			s.Close()
			return address
		}
	}
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
