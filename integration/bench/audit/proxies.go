package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log" //nolint:depguard // what httputil wants
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"time"
)

// Names of what is measured.
const (
	direct      = "direct"
	bare        = "ReverseProxy"
	inith       = "inith"
	bareCommand = "serve-bare"
)

// levels are those of inith that are measured.
func levels() []string { return []string{"metadata", "request-response"} }

// A proxy is a process in front of the application.
type proxy struct {
	name    string
	level   string // of inith; "" for others
	address string
	process *exec.Cmd
}

func (p *proxy) stop() {
	_ = p.process.Process.Signal(syscall.SIGTERM)
	_ = p.process.Wait()
}

// startProxies starts all of them in front of an application.
func (b *bench) startProxies(ctx context.Context, application string) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	add := func(name, level string, argv func(address string) ([]string, error)) error {
		if b.peers.Path(name) == "" && name != bare && name != inith {
			return nil
		}
		address, err := freeAddress(ctx)
		if err != nil {
			return err
		}
		args, err := argv(address)
		if err != nil {
			return err
		}
		p := &proxy{name: name, level: level, address: address}
		if err := p.start(ctx, args); err != nil {
			return err
		}
		b.proxies = append(b.proxies, p)
		return nil
	}
	err = add(bare, "", func(address string) ([]string, error) { return []string{self, bareCommand, address, application}, nil })
	for _, level := range levels() {
		if err == nil {
			err = add(inith, level, func(address string) ([]string, error) {
				return []string{
					b.inith, "sidecar", "audit", "--listen", address, "--upstream", application, "--level", level, "--ops-listen", "none",
					"--log", filepath.Join(b.dir, level+".jsonl"), "--rotate-size", "64MiB", "--rotate-keep", "1", "--log-level", "warn",
				}, nil
			})
		}
	}
	if err == nil {
		err = add("nginx", "", func(address string) ([]string, error) {
			return b.nginx("proxy", fmt.Sprintf(nginxProxy, application, filepath.Join(b.dir, "access.jsonl"), address))
		})
	}
	if err == nil {
		err = add("haproxy", "", func(address string) ([]string, error) {
			file := filepath.Join(b.dir, "haproxy.cfg")
			return []string{b.peers.Path("haproxy"), "-db", "-q", "-f", file}, os.WriteFile(file, fmt.Appendf(nil, haproxyProxy, address, application), 0o600)
		})
	}
	return err
}

func (b *bench) stopProxies() {
	for _, p := range b.proxies {
		p.stop()
	}
	b.proxies = nil
}

// start starts the process, and returns once it accepts connections. Its standard output, haproxy's log, goes to a file.
func (p *proxy) start(ctx context.Context, argv []string) error {
	p.process = exec.CommandContext(ctx, argv[0], argv[1:]...) //nolint:gosec // ours
	p.process.Stderr = os.Stderr
	if p.name == inith {
		p.process.Env = append(os.Environ(), "GOMEMLIMIT=45MiB") //nolint:forbidigo // what inith sets itself in a container of 64 MiB
	}
	out, err := os.CreateTemp("", "inith-bench-")
	if err != nil {
		return err
	}
	defer func() { _ = out.Close() }()
	p.process.Stdout = out
	if err := os.Remove(out.Name()); err != nil {
		return err
	}
	if err := p.process.Start(); err != nil {
		return err
	}
	for range 600 {
		c, err := (&net.Dialer{}).DialContext(ctx, "tcp", p.address)
		if err == nil {
			return c.Close()
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(50 * time.Millisecond):
		}
	}
	p.stop()
	return fmt.Errorf("%s does not listen on %s", p.name, p.address)
}

// An nginx is one process here: it is measured as one.
const nginxMain = `daemon off; master_process off; worker_rlimit_nofile 4096; pid %[1]s/%[2]s.pid; error_log stderr crit;
events { worker_connections 2048; }
http {
	client_body_temp_path %[1]s; proxy_temp_path %[1]s; fastcgi_temp_path %[1]s; uwsgi_temp_path %[1]s; scgi_temp_path %[1]s;
	keepalive_requests 1000000000;
	%[3]s
}
`

// nginxProxy passes events on at once, as the others do.
const nginxProxy = `
	log_format json escape=json '{"time":"$time_iso8601","client":"$remote_addr","method":"$request_method","uri":"$uri",'
		'"status":$status,"request":$request_length,"response":$bytes_sent,"agent":"$http_user_agent","seconds":$request_time}';
	upstream application { server %s; keepalive 256; keepalive_requests 1000000000; }
	access_log %s json;
	server {
		listen %s;
		location / {
			proxy_pass http://application; proxy_http_version 1.1; proxy_buffering off; proxy_request_buffering off;
			proxy_set_header Connection ""; proxy_set_header Host $host; proxy_set_header X-Request-Id $request_id;
			proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
		}
	}
`

const haproxyProxy = `
global
	log stdout format raw local0
defaults
	mode http
	log global
	option httplog
	option http-no-delay
	timeout connect 5s
	timeout client 60s
	timeout server 60s
	http-reuse always
frontend clients
	bind %s
	default_backend application
backend application
	option forwardfor
	server application %s
`

// nginx writes a configuration and returns the command that serves it.
func (b *bench) nginx(name, config string) ([]string, error) {
	file := filepath.Join(b.dir, name+".conf")
	return []string{b.peers.Path("nginx"), "-p", b.dir, "-c", file}, os.WriteFile(file, fmt.Appendf(nil, nginxMain, b.dir, name, config), 0o600)
}

// startApplication starts what answers each request with the answer of a model.
func (b *bench) startApplication(ctx context.Context) (*proxy, error) {
	address, err := freeAddress(ctx)
	if err != nil {
		return nil, err
	}
	argv, err := b.nginx("application", fmt.Sprintf(`access_log off; server { listen %s; location / { default_type application/json; return 200 '%s'; } }`, address, answer()))
	if err != nil {
		return nil, err
	}
	p := &proxy{name: "application", address: address}
	return p, p.start(ctx, argv)
}

func freeAddress(ctx context.Context) (string, error) {
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}

// serveBare is what inith's proxy is made of, and no more.
func serveBare(ctx context.Context, address, application string) error {
	buffers := &pool{}
	buffers.New = func() any { b := make([]byte, 16<<10); return &b }
	to := &url.URL{Scheme: "http", Host: application}
	server := &http.Server{
		Addr: address, ReadHeaderTimeout: time.Minute,
		Handler: &httputil.ReverseProxy{
			Rewrite:       func(r *httputil.ProxyRequest) { r.SetURL(to); r.Out.Host = r.In.Host; r.SetXForwarded() },
			Transport:     &http.Transport{DisableCompression: true, MaxIdleConnsPerHost: 1024, IdleConnTimeout: time.Minute},
			FlushInterval: -1, BufferPool: buffers, ErrorLog: log.New(io.Discard, "", 0), // wrk leaves in the middle
		},
	}
	go func() {
		<-ctx.Done()
		_ = server.Close()
	}()
	if err := server.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// A pool is an httputil.BufferPool.
type pool struct{ sync.Pool }

// Get returns a buffer.
func (p *pool) Get() []byte {
	b, ok := p.Pool.Get().(*[]byte)
	if !ok {
		return nil
	}
	return *b
}

// Put takes a buffer back.
func (p *pool) Put(b []byte) { p.Pool.Put(&b) }
