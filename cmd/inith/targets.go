package main

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/inith/inith/internal/redact"
	"github.com/inith/inith/internal/usererr"
	"github.com/inith/inith/probe"
)

// openTargets opens all targets, so that every error is reported before the first packet.
func openTargets(s session, o *waitOptions) ([]*probe.Target, error) {
	opener := &targetOpener{options: probe.Options{
		Level: o.level, TLS: probe.TLS(o.connection.tls), Proxy: o.connection.proxy, Logger: s.Log, Down: o.untilDown, Env: s.env,
	}}
	for i, raw := range o.targets {
		opener.open(fmt.Sprintf("target %d", i+1), raw)
	}
	opener.options.DropUnknown = true // frameworks put their own keys into such URLs
	for _, name := range o.fromEnv {
		raw, err := s.env.Secret(name)
		if err != nil {
			opener.errs = append(opener.errs, err)
			continue
		}
		opener.open("$"+name, raw)
	}
	opener.options.DropUnknown = false
	for _, argv := range o.commands {
		opener.openCommand(argv, s.env)
	}
	if opener.isEmpty() {
		all, _ := s.env.Lookup("INITH_TARGETS")
		for i, raw := range strings.Fields(all) {
			opener.open(fmt.Sprintf("$INITH_TARGETS, target %d", i+1), raw)
		}
	}
	if opener.isEmpty() {
		return nil, errors.New("no target: name one, as in inith wait postgres:5432, or set INITH_TARGETS")
	}
	return opener.targets, errors.Join(opener.errs...)
}

// A targetOpener opens targets, and collects the errors of all.
type targetOpener struct {
	options probe.Options
	targets []*probe.Target
	errs    []error
}

func (t *targetOpener) isEmpty() bool { return len(t.targets)+len(t.errs) == 0 }

func (t *targetOpener) open(where, raw string) {
	target, err := probe.Open(raw, t.options)
	if err == nil {
		t.targets = append(t.targets, target)
		return
	}
	if name := shown(raw); name != "" && !strings.Contains(err.Error(), "://") { // else the error names it
		where += " " + name
	}
	err = fmt.Errorf("%s: %w", where, err)
	if len(t.targets) > 0 && !strings.ContainsAny(raw, ":/") {
		err = &usererr.Error{Text: err.Error(), Err: err, Hint: "write -- before a command: inith wait db:5432 -- python app.py"}
	}
	t.errs = append(t.errs, err)
}

func (t *targetOpener) openCommand(argv, env []string) {
	target, err := probe.OpenCommand(argv, env, t.options.Down)
	if err != nil {
		t.errs = append(t.errs, fmt.Errorf("--exec: %w", err))
		return
	}
	t.targets = append(t.targets, target)
}

// shown returns a target for an error, without secrets; "" for one that may hold a secret anywhere.
func shown(raw string) string {
	if strings.Contains(raw, "://") {
		u, err := redact.ParseURL(raw)
		if err != nil {
			return ""
		}
		return redact.URL(u)
	}
	host, port, hasPort := strings.Cut(raw, ":")
	_, notNumber := strconv.ParseUint(port, 10, 16)
	if redact.Word(host) == "" || hasPort && notNumber != nil {
		return ""
	}
	return raw
}
