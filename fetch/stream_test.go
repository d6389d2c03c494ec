package fetch_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"testing"
	"time"

	"github.com/inith/inith/fetch"
)

// TestReaderThatStandsStill holds that a transfer to a reader that takes nothing
// ends with its context, and not for want of bytes from the server.
func TestReaderThatStandsStill(t *testing.T) {
	t.Parallel()
	b := content(4 << 20)
	o := newOrigin(t, b, nil)
	file := fetch.File{URL: parse(t, o.URL+"/model.bin"), Dest: "-", Digest: digestOf(b)}
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = r.Close() }()
	stopped := errors.New("stopped")
	ctx, cancel := context.WithCancelCause(t.Context())
	tr, err := (&fetch.Fetcher{Stdout: w, StallTimeout: 1500 * time.Millisecond}).Open(file)
	if err != nil {
		t.Fatal(err)
	}
	time.AfterFunc(3*time.Second, func() { cancel(stopped) })
	if _, err := tr.Run(ctx); !errors.Is(err, stopped) {
		t.Errorf("err = %v, want %v", err, stopped)
	}

	var out bytes.Buffer
	if _, err := run(t, &fetch.Fetcher{Stdout: struct{ io.Writer }{&out}}, file); err != nil || !bytes.Equal(out.Bytes(), b) {
		t.Errorf("%d bytes, %v", out.Len(), err)
	}
}
