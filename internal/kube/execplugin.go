package kube

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/inith/inith/internal/credentials"
	"github.com/inith/inith/internal/subprocess"
	"github.com/inith/inith/internal/usererr"
)

// An execPlugin is a program that prints credentials, such as the one of a cloud:
// https://kubernetes.io/docs/reference/config-api/client-authentication.v1/
type execPlugin struct {
	APIVersion string `yaml:"apiVersion"`
	Command    string
	Args       []string
	Env        []struct{ Name, Value string }
	Mode       string `yaml:"interactiveMode"`

	mu    sync.Mutex
	known execStatus // the last one
}

// An execStatus is the status of an ExecCredential.
type execStatus struct {
	Token                 string    `json:"token"`
	ClientCertificateData string    `json:"clientCertificateData"` // PEM
	ClientKeyData         string    `json:"clientKeyData"`         // PEM
	ExpirationTimestamp   time.Time `json:"expirationTimestamp"`   // zero: none
}

func (p *execPlugin) check() error {
	const group = "client.authentication.k8s.io/"
	switch {
	case !slices.Contains([]string{group + "v1", group + "v1beta1"}, p.APIVersion):
		return unusable("has an exec plugin of an apiVersion that inith does not support, want %sv1", group)
	case p.Mode == "Always":
		return unusable("has an exec plugin that always asks its user, whom inith does not have")
	}
	return nil
}

const (
	pluginTime     = 20 * time.Second // that a plugin has
	credentialTime = time.Minute      // until credentials without an expiration are asked for again
	expiryMargin   = 10 * time.Second // before they expire
)

// credential returns what the plugin prints, or has printed if that has not expired.
func (p *execPlugin) credential(ctx context.Context, env []string) (execStatus, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if time.Until(p.known.ExpirationTimestamp) > expiryMargin {
		return p.known, nil
	}
	out, err := p.run(ctx, env)
	if err != nil {
		return execStatus{}, p.failed(ctx, err)
	}
	var answer struct{ Status execStatus }
	if err := json.Unmarshal(out, &answer); err != nil || answer.Status.Token == "" && answer.Status.ClientCertificateData == "" ||
		!credentials.IsHeaderValue(answer.Status.Token) {
		return execStatus{}, p.problem("printed no credentials")
	}
	p.known = answer.Status
	if p.known.ExpirationTimestamp.IsZero() {
		p.known.ExpirationTimestamp = time.Now().Add(credentialTime)
	}
	return p.known, nil
}

// failed says why a plugin gave nothing. It does not wrap err: the exit code of a plugin is not that of inith.
func (p *execPlugin) failed(ctx context.Context, err error) error {
	start, missing := errors.AsType[*subprocess.StartError](err)
	exit, exited := errors.AsType[*subprocess.ExitError](err)
	switch {
	case missing && start.NotFound:
		return unusable("has an exec plugin that does not exist here: %s", filepath.Base(p.Command))
	case missing:
		return unusable("has an exec plugin that cannot be executed: %s", filepath.Base(p.Command))
	case ctx.Err() != nil:
		return p.problem("did not end in time")
	case exited:
		return p.problem(fmt.Sprintf("failed with exit code %d", exit.Code))
	}
	return p.problem("failed")
}

func (p *execPlugin) problem(what string) error {
	return &usererr.Error{
		Text: fmt.Sprintf("the exec plugin %s of the kubeconfig file %s", filepath.Base(p.Command), what),
		Hint: "run kubectl get pods, which shows what it says",
	}
}

// run returns what the plugin prints. What it writes to stderr may be a secret.
func (p *execPlugin) run(ctx context.Context, env []string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, pluginTime)
	defer cancel()
	path, err := subprocess.Look(p.Command)
	if err != nil {
		return nil, err
	}
	null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	if err != nil {
		return nil, err
	}
	defer func() { _ = null.Close() }()
	r, w, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer func() { _ = r.Close() }()
	var out []byte
	var reading sync.WaitGroup
	reading.Go(func() { out, _ = io.ReadAll(io.LimitReader(r, maxObject)) })
	err = subprocess.Command{
		Path: path, Argv: append([]string{p.Command}, p.Args...), Env: p.environment(env), Stdout: w, Stderr: null,
		Shared: true, Group: true, End: ctx.Done(), Grace: time.Second,
	}.Run(ctx)
	_ = w.Close()
	reading.Wait()
	return out, err
}

// environment returns the variables of the plugin.
func (p *execPlugin) environment(env []string) []string {
	all := slices.Clone(env)
	for _, e := range p.Env {
		all = append(all, e.Name+"="+e.Value)
	}
	const info = `{"apiVersion":"%s","kind":"ExecCredential","spec":{"interactive":false}}`
	return append(all, "KUBERNETES_EXEC_INFO="+fmt.Sprintf(info, p.APIVersion)) // which check knows
}
