package audit_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"

	"github.com/inith/inith/sidecar"
	"github.com/inith/inith/sidecar/audit"
)

func Example() {
	app := httptest.NewServer(http.NotFoundHandler())
	defer app.Close()
	dir, err := os.MkdirTemp("", "audit")
	if err != nil {
		return
	}
	defer func() { _ = os.RemoveAll(dir) }()
	log := filepath.Join(dir, "requests.jsonl")

	proxy, err := audit.New(audit.Options{Listen: "127.0.0.1:0", Upstream: app.Listener.Addr().String(), Log: audit.Log{Path: log}})
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel() // as a signal would
	fmt.Println((&sidecar.Runner{Service: proxy, Gatherer: proxy.Gatherer()}).Run(ctx))
	report, err := audit.Verify([]string{log}, nil)
	fmt.Println(report.Records, report.Closed, err)
	// Output:
	// <nil>
	// 2 true <nil>
}
