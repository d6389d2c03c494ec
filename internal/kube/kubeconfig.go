package kube

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"

	"github.com/inith/inith/internal/environ"
	"github.com/inith/inith/internal/redact"
	"github.com/inith/inith/internal/tlsconfig"
	"github.com/inith/inith/internal/usererr"
)

// maxKubeconfig bounds a kubeconfig file, in bytes.
const maxKubeconfig = 8 << 20

// A kubeconfig is what inith reads of a kubeconfig file:
// https://kubernetes.io/docs/reference/config-api/kubeconfig.v1/
type kubeconfig struct {
	CurrentContext string `yaml:"current-context"`
	Clusters       []struct {
		Name    string
		Cluster kubeCluster
	}
	Contexts []struct {
		Name    string
		Context kubeContext
	}
	Users []struct {
		Name string
		User kubeUser
	}
}

type kubeCluster struct {
	Server   string
	CAFile   string `yaml:"certificate-authority"`
	CAData   string `yaml:"certificate-authority-data"`
	TLSName  string `yaml:"tls-server-name"`
	Insecure bool   `yaml:"insecure-skip-tls-verify"`
	Proxy    string `yaml:"proxy-url"`
}

type kubeContext struct{ Cluster, User, Namespace string }

// loadKubeconfig returns the cluster of the current context, as kubectl finds it: of the files in KUBECONFIG the first
// that has a name counts.
func loadKubeconfig(env []string) (*outside, error) {
	paths := filepath.SplitList(environ.Get(env, "KUBECONFIG"))
	if home := environ.Get(env, "HOME"); len(paths) == 0 && home != "" {
		paths = []string{filepath.Join(home, ".kube", "config")}
	}
	var all kubeconfig
	found := false
	for _, path := range paths {
		c, err := readKubeconfig(path)
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		found = true
		all.CurrentContext = cmp.Or(all.CurrentContext, c.CurrentContext)
		all.Clusters, all.Contexts, all.Users = append(all.Clusters, c.Clusters...), append(all.Contexts, c.Contexts...), append(all.Users, c.Users...)
	}
	if !found {
		return nil, ErrNotInCluster
	}
	return all.current(env)
}

// readKubeconfig reads a file. Its error quotes nothing of it.
func readKubeconfig(path string) (c kubeconfig, err error) {
	f, err := os.Open(path)
	if err != nil {
		return c, usererr.File("kubeconfig file", path, err)
	}
	defer func() { _ = f.Close() }()
	b, err := io.ReadAll(io.LimitReader(f, maxKubeconfig))
	if err == nil {
		err = yaml.Unmarshal(b, &c)
	}
	if err != nil {
		return c, &usererr.Error{Text: fmt.Sprintf("kubeconfig file %q cannot be read", path), Hint: "check it: kubectl config view", Err: err}
	}
	dir, err := filepath.Abs(filepath.Dir(path))
	if err != nil {
		return c, usererr.File("kubeconfig file", path, err)
	}
	for i := range c.Clusters {
		absolute(dir, &c.Clusters[i].Cluster.CAFile)
	}
	for i := range c.Users {
		u := &c.Users[i].User
		absolute(dir, &u.TokenFile, &u.CertFile, &u.KeyFile)
		if u.Exec != nil && strings.ContainsRune(u.Exec.Command, filepath.Separator) {
			absolute(dir, &u.Exec.Command)
		}
	}
	return c, nil
}

// absolute makes paths absolute that are relative to the directory of their kubeconfig file.
func absolute(dir string, paths ...*string) {
	for _, p := range paths {
		if *p != "" && !filepath.IsAbs(*p) {
			*p = filepath.Join(dir, *p)
		}
	}
}

// ErrUnusable means that inith cannot use what the kubeconfig file says.
var ErrUnusable = errors.New("unusable kubeconfig file")

// unusable says what is wrong with a kubeconfig file. Its error is an [ErrUnusable].
func unusable(format string, args ...any) error {
	return &usererr.Error{Text: "the kubeconfig file " + fmt.Sprintf(format, args...), Hint: "check it: kubectl config view --minify", Err: ErrUnusable}
}

// current returns the cluster of the current context.
func (c *kubeconfig) current(env []string) (*outside, error) {
	o := &outside{env: env}
	found := false
	for _, e := range slices.Backward(c.Contexts) { // the first one of a name counts
		if e.Name == c.CurrentContext {
			o.context, found = e.Context, true
		}
	}
	if !found {
		return nil, unusable("has no current context")
	}
	for _, e := range slices.Backward(c.Clusters) {
		if e.Name == o.context.Cluster {
			o.cluster = e.Cluster
		}
	}
	found = o.context.User == "" // which is anonymous
	for _, e := range slices.Backward(c.Users) {
		if e.Name == o.context.User {
			o.user, found = e.User, true
		}
	}
	if !found {
		return nil, unusable("has no user of the name that the current context has")
	}
	return o, o.check()
}

// outside is what the kubeconfig file says of a cluster.
type outside struct {
	env     []string
	context kubeContext
	cluster kubeCluster
	user    kubeUser
	url     string
	loader  tlsconfig.Loader
}

// check refuses what inith does not support: without it, it would not do what kubectl does.
func (o *outside) check() error {
	u, err := redact.ParseURL(o.cluster.Server)
	switch {
	case o.cluster.Server == "":
		return unusable("has no server for the current context")
	case err != nil || u.Scheme != "https" || u.Host == "" || u.User != nil || u.RawQuery != "":
		return unusable("has a server that is not an https URL")
	case o.cluster.Proxy != "":
		return unusable("has a proxy-url, which inith does not support")
	}
	if err := o.user.check(); err != nil {
		return err
	}
	o.url = strings.TrimRight(o.cluster.Server, "/")
	o.loader.TLS = tlsconfig.TLS{
		CAFile: o.cluster.CAFile, CertFile: o.user.CertFile, KeyFile: o.user.KeyFile,
		ServerName: o.cluster.TLSName, SkipVerify: o.cluster.Insecure,
	}
	if o.cluster.CAData != "" { // which overrides the file
		o.loader.CAFile = ""
	}
	if o.user.CertData != "" || o.user.KeyData != "" {
		o.loader.CertFile, o.loader.KeyFile = "", ""
	}
	if o.user.Exec != nil {
		return o.user.Exec.check()
	}
	return nil
}

func (o *outside) server() string { return o.url }

func (o *outside) namespace() (string, error) { return cmp.Or(o.context.Namespace, "default"), nil }

func (o *outside) connection(ctx context.Context) (*tls.Config, error) {
	u, err := redact.ParseURL(o.url)
	if err != nil {
		return nil, err
	}
	config, err := o.loader.Config(u.Hostname())
	if err != nil {
		return nil, err
	}
	if o.cluster.CAData != "" && !o.cluster.Insecure {
		config.RootCAs = x509.NewCertPool()
		if pem, err := decode(o.cluster.CAData); err != nil || !config.RootCAs.AppendCertsFromPEM(pem) {
			return nil, unusable("has certificate-authority-data without a certificate")
		}
	}
	cert, key := o.user.CertData, o.user.KeyData
	if o.user.Exec != nil && cert == "" {
		status, err := o.user.Exec.credential(ctx, o.env)
		if err != nil || status.ClientCertificateData == "" {
			return config, err
		}
		return config, identify(config, []byte(status.ClientCertificateData), []byte(status.ClientKeyData))
	}
	if cert == "" {
		return config, nil
	}
	certPEM, err1 := decode(cert)
	keyPEM, err2 := decode(key)
	if err := errors.Join(err1, err2); err != nil {
		return nil, unusable("has client-certificate-data or client-key-data that is not base64")
	}
	return config, identify(config, certPEM, keyPEM)
}

// identify has the client show a certificate.
func identify(config *tls.Config, cert, key []byte) error {
	pair, err := tls.X509KeyPair(cert, key)
	if err != nil {
		return unusable("has a client certificate and a key that do not belong together")
	}
	config.Certificates = []tls.Certificate{pair}
	return nil
}

func decode(data string) ([]byte, error) { return base64.StdEncoding.DecodeString(data) }
