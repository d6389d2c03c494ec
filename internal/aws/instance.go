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
)

// instanceTime is how long the instance may take to answer: on a machine that is none, packets to it may be dropped.
const instanceTime = time.Second

// ofInstance asks the metadata of an EC2 instance, version 2, for the role of the node. Where nothing answers, there is none.
// https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instance-metadata-security-credentials.html
func (l *Login) ofInstance(ctx context.Context) (*found, error) {
	const (
		who   = "the metadata of the instance"
		roles = "/latest/meta-data/iam/security-credentials/"
	)
	if l.NoMetadata {
		return nil, nil //nolint:nilnil // not here
	}
	endpoint, err := bucket.ParseEndpoint(cmp.Or(l.MetadataEndpoint, "http://169.254.169.254"))
	if err != nil {
		return nil, final("", "AWS_EC2_METADATA_SERVICE_ENDPOINT is %v", err)
	}
	m := &metadata{base: endpoint.Scheme + "://" + endpoint.Host}
	token, err := m.ask(ctx, http.MethodPut, "/latest/api/token")
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	if err != nil || token.status != http.StatusOK || !credentials.IsHeaderValue(string(token.body)) {
		return nil, nil //nolint:nilnil,nilerr // not an instance, or one that tells its containers nothing
	}
	m.token = string(token.body)
	names, err := m.ask(ctx, http.MethodGet, roles)
	switch {
	case err != nil:
		return nil, unreached(who, err)
	case names.status == http.StatusNotFound: // it has no role
		return nil, nil //nolint:nilnil // not here
	case names.status != http.StatusOK:
		return nil, names.refusal(who, "")
	}
	role, _, _ := strings.Cut(strings.TrimSpace(string(names.body)), "\n")
	a, err := m.ask(ctx, http.MethodGet, roles+url.PathEscape(role))
	switch {
	case err != nil:
		return nil, unreached(who, err)
	case a.status != http.StatusOK:
		return nil, a.refusal(who, "check the role of the instance")
	}
	return a.readJSON(who)
}

// A metadata is the service of an instance.
type metadata struct{ base, token string }

func (m *metadata) ask(ctx context.Context, method, path string) (answer, error) {
	req, err := http.NewRequestWithContext(ctx, method, m.base+path, nil)
	if err != nil {
		return answer{}, err
	}
	if m.token == "" {
		req.Header.Set("X-Aws-Ec2-Metadata-Token-Ttl-Seconds", "300")
	} else {
		req.Header.Set("X-Aws-Ec2-Metadata-Token", m.token)
	}
	return exchange(req, direct(), instanceTime)
}
