package main

import (
	"fmt"
	"math"
	"net"
	"net/url"
	"strconv"
	"time"
)

// A target is what a tool is to wait for.
type target struct {
	kind    string // tcp, postgres, redis, http or https
	addr    string
	caFile  string
	timeout time.Duration // the tool's own
}

func (t target) url() string { return t.kind + "://" + t.addr + "/" }

// seconds is the timeout for tools that know whole seconds only.
func (t target) seconds() string {
	return strconv.Itoa(int(math.Ceil(t.timeout.Seconds())))
}

// A tool is a way to wait for a kind of target at a level.
type tool struct {
	name    string
	level   string // of what it checks
	versus  string // the level of inith to compare with; "" for inith itself
	command func(t target) command
}

// portOnly is the level of a tool that takes an open port for a ready server.
const portOnly = "port"

// inithLevels are the levels of inith that are measured, the first with the
// figure to hold.
func inithLevels(kind string) []string {
	switch kind {
	case "tcp":
		return []string{"settle=0s", "default settle"}
	case "postgres", "redis":
		return []string{"auth", "proto"} // proto is the default without credentials
	default:
		return []string{"state"}
	}
}

// forKind returns all tools of this run that can wait for a kind of target.
func (b *toolbox) forKind(kind string) []tool {
	var tools []tool
	for _, level := range inithLevels(kind) {
		tools = append(tools, tool{inithName, level, "", func(t target) command { return b.inithCommand(t, level) }})
	}
	levels := inithLevels(kind)
	weakest := levels[len(levels)-1]
	if kind == "tcp" {
		weakest = levels[0]
	}
	add := func(name, level, versus string, c func(t target) command) {
		program, _, _ := cutWord(name)
		if b.Path(program) != "" {
			tools = append(tools, tool{name, level, versus, c})
		}
	}
	isWeb := kind == "http" || kind == "https"
	own := portOnly
	if isWeb {
		own = levels[0]
	}
	wait4x := levels[0]
	if kind == "tcp" {
		wait4x = portOnly
	}
	add("wait4x", wait4x, levels[0], b.wait4x)
	add("dockerize", own, weakest, b.dockerize)
	if !isWeb {
		add("wait-for-it", portOnly, weakest, b.waitForIt)
	}
	if kind == "postgres" {
		add("pg_isready 1s", "proto", "proto", b.pgIsReady)
	}
	if isWeb {
		add("curl 1s", own, weakest, b.curl)
	}
	if kind != "https" { // its TLS verifies nothing, and ends on some certificates with a segmentation fault
		add("busybox 2s", own, weakest, func(t target) command { return b.busybox(t, "2") })
	}
	if kind == "tcp" {
		add("busybox 1s", own, weakest, func(t target) command { return b.busybox(t, "1") })
	}
	return tools
}

// cutWord cuts the variant off the name of a tool.
func cutWord(name string) (word, rest string, found bool) {
	for i := range len(name) {
		if name[i] == ' ' {
			return name[:i], name[i+1:], true
		}
	}
	return name, "", false
}

func (b *toolbox) inithCommand(t target, level string) command {
	argv := []string{b.inith, "wait", "--timeout", t.timeout.String()}
	fragment := ""
	switch level {
	case "settle=0s":
		fragment = "#settle=0s"
	case "auth":
		fragment = "#level=auth&password-file=" + url.PathEscape(b.login.file)
	case "proto":
		fragment = "#level=proto"
	}
	address := t.kind + "://" + t.addr
	switch t.kind {
	case "postgres":
		address = "postgres://postgres@" + t.addr + "/postgres"
	case "redis":
		address = "redis://default@" + t.addr
	case "https":
		argv = append(argv, "--ca-file", t.caFile)
	}
	return command{argv: append(argv, address+fragment)}
}

// wait4x has credentials only in the URL; those here are made for this run.
func (b *toolbox) wait4x(t target) command {
	argv := []string{b.Path("wait4x"), t.kind, "--timeout", t.timeout.String()}
	switch t.kind {
	case "tcp":
		argv = append(argv, t.addr)
	case "postgres":
		argv[1] = "postgresql"
		argv = append(argv, (&url.URL{
			Scheme: "postgres", User: url.UserPassword("postgres", b.login.password), Host: t.addr, Path: "/postgres", RawQuery: "sslmode=disable",
		}).String())
	case "redis":
		argv = append(argv, (&url.URL{Scheme: "redis", User: url.UserPassword("default", b.login.password), Host: t.addr}).String())
	default:
		argv[1] = "http"
		argv = append(argv, t.url(), "--expect-status-code", "200")
		if t.caFile != "" {
			argv = append(argv, "--ca-file", t.caFile)
		}
	}
	return command{argv: argv}
}

func (b *toolbox) dockerize(t target) command {
	c := command{argv: []string{b.Path("dockerize"), "-timeout", t.timeout.String(), "-wait"}}
	if t.kind == "http" || t.kind == "https" {
		c.argv = append(c.argv, t.url())
		if t.caFile != "" {
			c.env = []string{"SSL_CERT_FILE=" + t.caFile}
		}
		return c
	}
	c.argv = append(c.argv, "tcp://"+t.addr)
	return c
}

func (b *toolbox) waitForIt(t target) command {
	return command{argv: []string{b.Path("wait-for-it"), t.addr, "--strict", "--timeout=" + t.seconds()}}
}

// The loops are what people have in their init containers. busybox sh serves
// all of them: it is there anyway. Arguments of the script are $0 and $1.

func (b *toolbox) pgIsReady(t target) command {
	return b.loop(b.Path("pg_isready")+` -q -h "$0" -p "$1"`, "1", t)
}

func (b *toolbox) curl(t target) command {
	check := fmt.Sprintf(`%s -sf -m 3 -o /dev/null %s://"$0":"$1"/`, b.Path("curl"), t.kind)
	if t.caFile != "" {
		check += " --cacert " + t.caFile
	}
	return b.loop(check, "1", t)
}

func (b *toolbox) busybox(t target, pause string) command {
	box := b.Path("busybox")
	switch {
	case t.kind == "http":
		return b.loop(box+` wget -q -T 3 -O /dev/null http://"$0":"$1"/`, pause, t)
	case b.ncZero:
		return b.loop(box+` nc -z "$0" "$1"`, pause, t)
	default:
		return b.loop(box+` nc -w1 "$0" "$1"`, pause, t)
	}
}

func (b *toolbox) loop(check, pause string, t target) command {
	shell, sleep := []string{"/bin/sh"}, "sleep"
	if box := b.Path("busybox"); box != "" {
		shell, sleep = []string{box, "sh"}, box+" sleep"
	}
	host, port, _ := net.SplitHostPort(t.addr)
	script := fmt.Sprintf("until %s </dev/null >/dev/null 2>&1; do %s %s; done", check, sleep, pause)
	return command{argv: append(shell, "-c", script, host, port)}
}
