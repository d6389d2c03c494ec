package faultserver_test

import (
	"bytes"
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/inith/inith/internal/testing/faultserver"
)

const testSize = 2<<20 + 4321 // three ranges of the naive client's

// start starts a server, and returns a client for it.
func start(t *testing.T, s *faultserver.Server) *http.Client {
	t.Helper()
	if err := s.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	client := s.Client()
	t.Cleanup(client.CloseIdleConnections)
	return client
}

func TestNaiveIsRightWithoutFaults(t *testing.T) {
	t.Parallel()
	for name, script := range map[string]faultserver.Script{
		"once": faultserver.Naive, "ranges": faultserver.NaiveRanges,
		"checked": faultserver.NaiveChecked, "resume": faultserver.NaiveResume,
	} {
		for _, tls := range []bool{false, true} {
			s := &faultserver.Server{Content: faultserver.Content{Size: testSize, Seed: 1}, TLS: tls}
			client := start(t, s)
			got, err := script(t.Context(), client, s.URL(), faultserver.Credentials())
			if err != nil || !bytes.Equal(got, s.Want().All()) {
				t.Errorf("%s, TLS %v: %d bytes, right: %v, %v", name, tls, len(got), bytes.Equal(got, s.Want().All()), err)
			}
		}
	}
}

func TestNaiveGoesWrongUnderEachFault(t *testing.T) {
	t.Parallel()
	for _, f := range faultserver.Faults() {
		t.Run(f.String(), func(t *testing.T) {
			t.Parallel()
			s := &faultserver.Server{Content: faultserver.Content{Size: testSize, Seed: 1}}
			injection := s.Inject(f)
			client := start(t, s)
			limit := time.Minute
			if f.Harm == faultserver.Hangs {
				limit = 500 * time.Millisecond
			}
			ctx, cancel := context.WithTimeout(t.Context(), limit)
			defer cancel()
			got, err := f.Naive(ctx, client, s.URL(), faultserver.Credentials())
			if err := s.Harmed(f, got, err); err != nil {
				t.Error(err)
			}
			if injection.Fired() == 0 {
				t.Error("the fault has not struck")
			}
		})
	}
}

func TestFaultsAreNamed(t *testing.T) {
	t.Parallel()
	numbers, names := map[int]bool{}, map[string]bool{}
	for _, f := range faultserver.Faults() {
		if names[f.Name] || f.Does == "" || f.Naive == nil || f.Pinned == 0 || f.Unpinned == 0 || f.Times == 0 {
			t.Errorf("%s: not complete, or twice", f)
		}
		numbers[f.Number], names[f.Name] = true, true
		if found, ok := faultserver.Find(f.Name); !ok || found.Number != f.Number {
			t.Errorf("%s is not found", f)
		}
	}
	for n := 1; n <= 45; n++ {
		switch n {
		case 11, 13, 18, 22, 36, 37, 38, 39, 40, 41, 42, 44: // HTTP/2, sizes, GCS, S3 and the local side
		default:
			if !numbers[n] {
				t.Errorf("no fault has number %d", n)
			}
		}
	}
}
