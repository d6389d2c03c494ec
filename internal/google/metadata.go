package google

import (
	"cmp"
	"context"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/inith/inith/internal/login"
)

// ofMetadata asks the metadata server of the node, which on GKE answers for the service account of the Pod.
// Where nothing answers, there is none, unless the node is Google's: that server may not be ready when a Pod starts.
// https://cloud.google.com/compute/docs/metadata/overview
// https://cloud.google.com/kubernetes-engine/docs/how-to/workload-identity#limitations
func (l *finder) ofMetadata(ctx context.Context) (*login.Found, error) {
	const (
		who  = "the metadata server of the node"
		wait = 2 * time.Second
	)
	if l.NoMetadata {
		return nil, nil //nolint:nilnil // not here
	}
	if strings.ContainsAny(l.MetadataHost, "/?#@") {
		return nil, login.Final("", "GCE_METADATA_HOST is not a host, or host:port")
	}
	a, err := (&login.Request{
		Who: who, URL: "http://" + cmp.Or(l.MetadataHost, "169.254.169.254") + "/computeMetadata/v1/instance/service-accounts/default/token?scopes=" + Scope,
		Header: []string{"Metadata-Flavor", "Google"}, Wait: wait,
	}).Send(ctx)
	switch {
	case err != nil && (ctx.Err() != nil || l.expectsMetadata()):
		return nil, err
	case err != nil, a.Header.Get("Metadata-Flavor") != "Google": // another cloud's
		return nil, nil //nolint:nilnil,nilerr // not here
	case a.Status == http.StatusNotFound: // no service account
		return nil, nil //nolint:nilnil // not here
	default:
		return a.Token(who, "check the service account of the node, or of the Pod: that it exists, and may be used by the Pod")
	}
}

// expectsMetadata reports whether there should be a metadata server.
func (l *finder) expectsMetadata() bool {
	if l.MetadataHost != "" {
		return true
	}
	b, _ := os.ReadFile(cmp.Or(l.ProductFile, "/sys/class/dmi/id/product_name")) // none: not Linux, or not a PC
	return strings.HasPrefix(string(b), "Google")
}
