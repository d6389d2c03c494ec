package aws

import (
	"cmp"
	"context"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/inith/inith/internal/bucket"
	"github.com/inith/inith/internal/credentials"
	"github.com/inith/inith/internal/login"
)

// instanceTime is how long the instance may take to answer: on a machine that is none, packets to it may be dropped.
const instanceTime = time.Second

const instance = "the metadata of the instance"

// ofInstance asks the metadata of an EC2 instance, version 2, for the role of the node. Where nothing answers, there is none.
// https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instance-metadata-security-credentials.html
func (l *Login) ofInstance(ctx context.Context) (*login.Found, error) {
	const roles = "/latest/meta-data/iam/security-credentials/"
	if l.NoMetadata {
		return nil, nil //nolint:nilnil // not here
	}
	endpoint, err := bucket.ParseEndpoint(cmp.Or(l.MetadataEndpoint, "http://169.254.169.254"))
	if err != nil {
		return nil, login.Final("", "AWS_EC2_METADATA_SERVICE_ENDPOINT is %v", err)
	}
	m := &metadata{base: endpoint.Scheme + "://" + endpoint.Host}
	token, err := m.ask(ctx, http.MethodPut, "/latest/api/token")
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	if err != nil || token.Status != http.StatusOK || !credentials.IsHeaderValue(string(token.Body)) {
		return nil, nil //nolint:nilnil,nilerr // not an instance, or one that tells its containers nothing
	}
	m.token = string(token.Body)
	names, err := m.ask(ctx, http.MethodGet, roles)
	switch {
	case err != nil:
		return nil, err
	case names.Status == http.StatusNotFound: // it has no role
		return nil, nil //nolint:nilnil // not here
	case names.Status != http.StatusOK:
		return nil, names.Refusal(instance, "")
	}
	role, _, _ := strings.Cut(strings.TrimSpace(string(names.Body)), "\n")
	a, err := m.ask(ctx, http.MethodGet, roles+url.PathEscape(role))
	switch {
	case err != nil:
		return nil, err
	case a.Status != http.StatusOK:
		return nil, a.Refusal(instance, "check the role of the instance")
	}
	return readJSON(instance, a.Body)
}

// A metadata is the service of an instance.
type metadata struct{ base, token string }

func (m *metadata) ask(ctx context.Context, method, path string) (login.Answer, error) {
	header := []string{"X-Aws-Ec2-Metadata-Token-Ttl-Seconds", "300"}
	if m.token != "" {
		header = []string{"X-Aws-Ec2-Metadata-Token", m.token}
	}
	return (&login.Request{Who: instance, Method: method, URL: m.base + path, Header: header, Wait: instanceTime}).Send(ctx)
}
