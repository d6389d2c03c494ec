package faultserver

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
)

// A Script fetches a URL as a script would that has never met a fault. The header
// is sent with each request.
type Script func(ctx context.Context, client *http.Client, url string, header http.Header) ([]byte, error)

// naiveChunk is how much the naive client of ranges asks for at once, in bytes.
const naiveChunk = 1 << 20

// Client returns a client for the naive: as Go makes it, but that it trusts the
// server's certificate, uses its proxy and its name server if there are any, and
// that link-local addresses lead to a server here. Its idle connections are to be
// closed.
func (s *Server) Client() *http.Client {
	t := &http.Transport{TLSClientConfig: s.config.Clone()}
	if s.config != nil {
		t.TLSClientConfig.Certificates, t.TLSClientConfig.RootCAs = nil, s.Pool()
	}
	if s.proxied {
		t.Proxy = http.ProxyURL(s.Proxy())
	}
	dialer := net.Dialer{Resolver: s.Resolver()}
	t.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
		if strings.HasPrefix(address, linkLocal) && s.metadata != nil {
			address = s.metadata.address
		}
		return dialer.DialContext(ctx, network, address)
	}
	return &http.Client{Transport: t}
}

// Naive gets the URL and copies what comes. It is a [Script].
func Naive(ctx context.Context, client *http.Client, url string, header http.Header) ([]byte, error) {
	b, _, err := ask(ctx, client, url, header, "", "")
	return b, err
}

// NaiveChecked is as [Naive], but believes in what the server says the digest is.
// It is a [Script].
func NaiveChecked(ctx context.Context, client *http.Client, url string, header http.Header) ([]byte, error) {
	b, told, err := ask(ctx, client, url, header, "", "")
	if err != nil {
		return b, err
	}
	sum := sha256.Sum256(b)
	if digest := told.Get("X-Amz-Checksum-Sha256"); digest != "" && digest != base64.StdEncoding.EncodeToString(sum[:]) {
		return b, errors.New("the checksum is wrong")
	}
	return b, nil
}

// NaiveResume is as [Naive], but asks for the rest when it was cut off, and appends
// what comes. It is a [Script].
func NaiveResume(ctx context.Context, client *http.Client, url string, header http.Header) ([]byte, error) {
	file, _, err := ask(ctx, client, url, header, "", "")
	for try := 0; err != nil && try < 5; try++ {
		var more []byte
		more, _, err = ask(ctx, client, url, header, fmt.Sprintf("bytes=%d-", len(file)), "")
		file = append(file, more...)
	}
	return file, err
}

// NaiveRanges asks for the size, then with four connections for ranges of what it
// was redirected to, and puts what comes where it belongs. It asks for ranges of
// what it saw first, but does not look whether it gets them. It is a [Script].
func NaiveRanges(ctx context.Context, client *http.Client, url string, header http.Header) ([]byte, error) {
	resp, err := request(ctx, client, http.MethodHead, url, header)
	if err != nil {
		return nil, err
	}
	_ = resp.Body.Close()
	if resp.ContentLength < 0 {
		return nil, errors.New("no Content-Length")
	}
	d := &rangeDownload{file: make([]byte, resp.ContentLength)}
	link, tag := resp.Request.URL.String(), resp.Header.Get("ETag")
	offsets := make(chan int64)
	var workers sync.WaitGroup
	for range 4 {
		workers.Go(func() {
			for off := range offsets {
				b, _, err := ask(ctx, client, link, header, fmt.Sprintf("bytes=%d-%d", off, off+naiveChunk-1), tag)
				d.put(off, b, err)
			}
		})
	}
	offsets <- 0
	for off := int64(naiveChunk); off < resp.ContentLength; off += naiveChunk {
		offsets <- off
	}
	close(offsets)
	workers.Wait()
	return d.file, d.err
}

type rangeDownload struct {
	mu   sync.Mutex
	file []byte
	err  error
}

func (d *rangeDownload) put(off int64, b []byte, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if end := off + int64(len(b)); end > int64(len(d.file)) {
		d.file = append(d.file, make([]byte, end-int64(len(d.file)))...)
	}
	copy(d.file[off:], b)
	d.err = errors.Join(d.err, err)
}

// ask returns the body of an answer, what came before an error too, and its header.
func ask(ctx context.Context, client *http.Client, url string, header http.Header, span, tag string) ([]byte, http.Header, error) {
	header = header.Clone()
	if header == nil {
		header = http.Header{}
	}
	if span != "" {
		header.Set("Range", span)
	}
	if tag != "" {
		header.Set("If-Range", tag)
	}
	resp, err := request(ctx, client, http.MethodGet, url, header)
	if err != nil {
		return nil, nil, err
	}
	defer func() { _ = resp.Body.Close() }()
	b, err := io.ReadAll(resp.Body)
	return b, resp.Header, err
}

func request(ctx context.Context, client *http.Client, method, url string, header http.Header) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, method, url, nil)
	if err != nil {
		return nil, err
	}
	if header != nil {
		req.Header = header.Clone()
	}
	return client.Do(req)
}
