package source_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"time"

	"github.com/inith/inith/fetch/source"
)

// Read some bytes of the object that a URL means.
func Example() {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("ETag", `"v1"`)
		http.ServeContent(w, r, "", time.Time{}, strings.NewReader("hello, world"))
	}))
	defer server.Close()
	ctx := context.Background()
	u, err := url.Parse(server.URL + "/hello.txt")
	if err != nil {
		fmt.Println(err)
		return
	}
	network := &source.Network{}
	resolver, err := network.Resolver(u, source.Credentials{URL: u}, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	objects, err := resolver.Resolve(ctx, u)
	if err != nil {
		fmt.Println(err)
		return
	}
	object := objects[0]
	info, err := object.Source.Stat(ctx)
	if err != nil {
		fmt.Println(err)
		return
	}
	part, err := object.Source.Open(ctx, 7, source.ToEnd, info.Validator)
	if err != nil {
		fmt.Println(err)
		return
	}
	b, err := io.ReadAll(part.Body)
	_ = part.Body.Close()
	fmt.Printf("it has %d bytes and the validator %s; from byte %d on: %q, %v\n", info.Size, info.Validator, part.Start, b, err)
	// Output:
	// it has 12 bytes and the validator "v1"; from byte 7 on: "world", <nil>
}
