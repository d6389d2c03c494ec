package aws

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/inith/inith/internal/credentials"
	"github.com/inith/inith/internal/login"
	"github.com/inith/inith/internal/redact"
)

// ofContainer asks the agent that the node has for its containers: that of EKS Pod Identity, or of ECS.
// https://docs.aws.amazon.com/sdkref/latest/guide/feature-container-credentials.html
func (l *Login) ofContainer(ctx context.Context) (*login.Found, error) {
	u, err := l.containerURL()
	if err != nil || u == nil {
		return nil, err
	}
	token := l.ContainerToken
	if l.ContainerTokenFile != "" {
		if token, err = credentials.ReadToken("the file of AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", l.ContainerTokenFile); err != nil {
			return nil, err
		}
	}
	if !credentials.IsHeaderValue(token) {
		return nil, login.Final("", "AWS_CONTAINER_AUTHORIZATION_TOKEN has a line break or another control character in it")
	}
	const (
		who  = "the agent of the container"
		wait = 5 * time.Second
	)
	req := &login.Request{Who: who, URL: u.String(), Wait: wait}
	if token != "" {
		req.Header = []string{"Authorization", token}
	}
	a, err := req.Send(ctx)
	if err != nil {
		return nil, err
	}
	if a.Status != http.StatusOK {
		return nil, a.Refusal(who, "check that the service account has a role: a Pod Identity association, or that of the task")
	}
	return readJSON(who, a.Body)
}

func errContainerURL() error {
	return login.Final("", "AWS_CONTAINER_CREDENTIALS_FULL_URI is not an http or https URL, or AWS_CONTAINER_CREDENTIALS_RELATIVE_URI not a path")
}

// containerURL returns the URL of the agent; nil if there is none. Its answer is believed, and it gets a token: without TLS
// it must be on this node.
func (l *Login) containerURL() (*url.URL, error) {
	raw := l.ContainerURI
	switch {
	case l.ContainerPath != "": // which counts more
		if l.ContainerPath[0] != '/' {
			return nil, errContainerURL()
		}
		raw = "http://169.254.170.2" + l.ContainerPath
	case raw == "":
		return nil, nil //nolint:nilnil // not here
	}
	u, err := redact.ParseURL(raw)
	switch {
	case err != nil, u.Hostname() == "", u.User != nil, u.Scheme != "http" && u.Scheme != "https":
		return nil, errContainerURL()
	case u.Scheme == "http" && !onNode(u.Hostname()):
		return nil, login.Final("allowed are loopback addresses, 169.254.170.2, 169.254.170.23 and fd00:ec2::23",
			"AWS_CONTAINER_CREDENTIALS_FULL_URI names another host by http: it must be on this node, or have TLS")
	}
	return u, nil
}

func onNode(host string) bool {
	return login.IsLoopback(host) || slices.Contains([]string{"169.254.170.2", "169.254.170.23", "fd00:ec2::23"}, host)
}
