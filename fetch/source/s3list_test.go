package source_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/inith/inith/fetch/source"
	"github.com/inith/inith/internal/testing/bucketserver"
)

func startBucket(t *testing.T, keys ...string) (*bucketserver.Server, *source.Network) {
	t.Helper()
	s := bucketserver.Start()
	t.Cleanup(s.Close)
	s.Public = true
	for _, key := range keys {
		b := []byte(key)
		if strings.HasSuffix(key, "/") {
			b = nil
		}
		s.PutBytes(key, b)
	}
	return s, &source.Network{S3: source.S3{Endpoint: parse(t, s.URL), Anonymous: true}}
}

func resolveAll(t *testing.T, n *source.Network, raw string) ([]source.Object, error) {
	t.Helper()
	u := parse(t, raw)
	r, err := n.Resolver(u, source.Credentials{URL: u}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return r.Resolve(t.Context(), u)
}

func names(objects []source.Object) []string {
	var all []string
	for _, o := range objects {
		all = append(all, o.Name)
	}
	return all
}

// TestS3List lists what is below a key and nothing beside it, of all pages, by names as hostile as keys are.
func TestS3List(t *testing.T) {
	t.Parallel()
	s, n := startBucket(t, "model/a", "model/b/c d+e%", "model/../x", "model//y", "model/", "model/b/", "model-v2/z", "model", "modelx", "ü/<&>")
	s.Put("model/empty", bucketserver.Object{Content: strings.NewReader(""), ETag: `"e"`})
	s.PageSize = 2
	for raw, want := range map[string][]string{
		"s3://models/model/":      {"../x", "/y", "a", "b/c d+e%", "empty"},
		"s3://models/model/b/":    {"c d+e%"},
		"s3://models/model-v2/":   {"z"},
		"s3://models/%C3%BC/":     {"<&>"},
		"s3://models/none/":       nil,
		"s3://models/model/../":   {"x"},
		"s3://models/model-v2/z/": nil,
	} {
		objects, err := resolveAll(t, n, raw)
		if err != nil || !slices.Equal(names(objects), want) {
			t.Errorf("%s: %q, %v, want %q", raw, names(objects), err, want)
		}
		for _, o := range objects {
			info, err := o.Source.Stat(t.Context())
			if err != nil || info.Size != o.Size || info.Validator == "" {
				t.Errorf("%s: %+v, %v", o.Source.Name(), info, err)
			}
		}
	}
	whole, err := resolveAll(t, n, "s3://models/")
	if err != nil || len(whole) != 9 {
		t.Errorf("the bucket: %q, %v", names(whole), err)
	}
	if gets := slices.DeleteFunc(s.Requests("GET"), func(r string) bool { return strings.Contains(r, "list-type=2") }); len(gets) > 0 {
		t.Errorf("requests for objects: %q", gets)
	}
}

// TestS3Directory says of a key that does not exist whether there are others below it.
func TestS3Directory(t *testing.T) {
	t.Parallel()
	_, n := startBucket(t, "model/a", "model-v2/z")
	for raw, directory := range map[string]bool{"s3://models/model": true, "s3://models/mode": false, "s3://models/model-v2/z": false} {
		objects, err := resolveAll(t, n, raw)
		if err != nil || len(objects) != 1 || objects[0].Name != "" {
			t.Fatalf("%s: %q, %v", raw, names(objects), err)
		}
		for what, open := range map[string]func() error{
			"open": func() error {
				part, err := objects[0].Source.Open(t.Context(), 0, source.ToEnd, "")
				if err == nil {
					_ = part.Body.Close()
				}
				return err
			},
			"stat": func() error {
				_, err := objects[0].Source.Stat(t.Context())
				return err
			},
		} {
			if err := open(); errors.Is(err, source.ErrDirectory) != directory {
				t.Errorf("%s %s: %v", what, raw, err)
			}
		}
	}
}

// TestS3Listings refuses listings that no server of S3 gives, within bounds.
func TestS3Listings(t *testing.T) {
	t.Parallel()
	const begin = "<ListBucketResult>"
	for name, c := range map[string]struct {
		answer func(page int) string
		want   string
	}{
		"a token again": {func(int) string {
			return begin + "<NextContinuationToken>x</NextContinuationToken></ListBucketResult>"
		}, "begins again"},
		"an endless one": {func(page int) string {
			return fmt.Sprintf("%s<NextContinuationToken>%d</NextContinuationToken></ListBucketResult>", begin, page)
		}, "without an end"},
		"too many keys": {func(page int) string {
			var b strings.Builder
			for i := range 1000 {
				_, _ = fmt.Fprintf(&b, "<Contents><Key>m/%d-%d</Key><Size>1</Size></Contents>", page, i)
			}
			return fmt.Sprintf("%s<NextContinuationToken>%d</NextContinuationToken>%s</ListBucketResult>", begin, page, b.String())
		}, "more than 100000 files"},
		"a huge page": {func(int) string { return begin + "<Contents><Key>m/" + strings.Repeat("x", 9<<20) }, "no listing"},
		"deep":        {func(int) string { return begin + strings.Repeat("<x>", 1<<20) }, "no listing"},
		"an entity": {func(int) string {
			return "<!DOCTYPE x [<!ENTITY e 'm/x'>]>" + begin + "<Contents><Key>&e;</Key></Contents></ListBucketResult>"
		}, "no listing"},
		"another key": {func(int) string {
			return begin + "<Contents><Key>n/x</Key><Size>1</Size></Contents></ListBucketResult>"
		}, "not asked for"},
		"no size": {func(int) string {
			return begin + "<Contents><Key>m/x</Key><Size>-5</Size></Contents></ListBucketResult>"
		}, "not asked for"},
		"no number": {func(int) string {
			return begin + "<Contents><Key>m/x</Key><Size>s3cr3t</Size></Contents></ListBucketResult>"
		}, "no listing"},
		"an encoded key": {func(int) string {
			return begin + "<EncodingType>url</EncodingType><Contents><Key>m/%zz</Key><Size>1</Size></Contents></ListBucketResult>"
		}, "no listing"},
		"HTML":    {func(int) string { return "<html><body>login</body></html>" }, "no listing"},
		"nothing": {func(int) string { return "" }, "no listing"},
		"cut":     {func(int) string { return begin + "<Contents>" }, "no listing"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, n := startBucket(t)
			page := 0
			s.Fault = func(w http.ResponseWriter, _ *http.Request) bool {
				page++
				_, _ = w.Write([]byte(c.answer(page)))
				return true
			}
			objects, err := resolveAll(t, n, "s3://models/m/")
			if err == nil || !strings.Contains(err.Error(), c.want) || !source.IsPermanent(err) || strings.Contains(err.Error(), "s3cr3t") {
				t.Errorf("%d objects after %d pages, %v", len(objects), page, err)
			}
		})
	}
}

// TestS3Encoding sends each key as it is signed, whatever is in it.
func TestS3Encoding(t *testing.T) {
	t.Parallel()
	for key := range map[string]bool{"a b": true, "a+b": true, "%": true, "ü/ö": true, "..": true, "a/../b": true, "!*'()": true, "$&=:@,;": true} {
		s, n := startBucket(t, key)
		u := (&url.URL{Scheme: "s3", Host: "models", Path: "/" + key}).String()
		objects, err := resolveAll(t, n, u)
		if err != nil {
			t.Fatal(err)
		}
		part, err := objects[0].Source.Open(t.Context(), 0, source.ToEnd, "")
		if err != nil {
			t.Errorf("%s: %v; %q", u, err, s.Requests(""))
			continue
		}
		_ = part.Body.Close()
	}
}
