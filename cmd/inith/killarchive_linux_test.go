package main

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/inith/inith/fetch"
)

// archives kills runs that extract, around the moment at which the folder takes
// its place: where nothing was, or the folder of the version before.
func (k *killTest) archives(t *testing.T) {
	t.Parallel()
	const least, most = 6, 40 // rounds: as many as it takes until a kill fell in each phase
	random := rand.New(rand.NewPCG(k.seed, 1000))
	kills := map[string]int{}
	for round := 0; round < least || round < most && len(unhit(kills)) > 0; round++ {
		dest := filepath.Join(t.TempDir(), "model")
		before := ""
		for _, version := range []string{"first", "second"} {
			b := manyFiles(version)
			origin := newSlowOrigin(b, 50*time.Millisecond)
			args := []string{dest, "--extract", "--sha256", fmt.Sprintf("%x", sha256.Sum256(b))}
			for n := 0; ; n++ {
				r, err := startFetch(k.bin, append([]string{origin.url(n)}, args...)...)
				if err != nil {
					t.Fatal(err)
				}
				strikeArchive(r, n, random)
				killed := n < 3 && r.kill()
				if n == 3 {
					err = r.succeed()
				} else if !killed {
					err = endedAlone(r)
				}
				if v := versionAt(dest); v != version && (v != before || !killed) {
					err = errors.Join(err, fmt.Errorf("the folder is of %q", v))
				}
				if err != nil {
					t.Fatalf("%s version, run %d, killed %t in %q: %v", version, n, killed, r.phase, err)
				}
				if !killed {
					break
				}
				kills[r.phase]++
			}
			if err := onlyReceipt(dest); err != nil {
				t.Error(err)
			}
			origin.Close()
			before = version
		}
	}
	t.Logf("kills: %v", kills)
	for _, p := range unhit(kills) {
		t.Errorf("no kill fell in %q", p)
	}
}

// unhit returns the phases in which no kill fell.
func unhit(kills map[string]int) []fetch.Phase {
	return slices.DeleteFunc([]fetch.Phase{fetch.Extracting, fetch.Renaming, fetch.Recording}, func(p fetch.Phase) bool { return kills[p.String()] > 0 })
}

// strikeArchive returns when a run is to be killed.
func strikeArchive(r *fetchRun, n int, random *rand.Rand) {
	shortly := upTo(random, 2*time.Millisecond)
	switch n {
	case 0:
		r.after(fetch.Extracting, 10*shortly)
	case 1:
		r.after(fetch.Renaming, shortly/4)
	case 2:
		r.afterNext(fetch.Renaming, shortly) // while the receipt is written
	}
}

const filesInArchive = 200

// manyFiles returns a tar of files that all have the same text.
func manyFiles(text string) []byte {
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for i := range filesInArchive {
		_ = w.WriteHeader(&tar.Header{Name: fmt.Sprintf("%d/file", i), Mode: 0o644, Size: int64(len(text))})
		_, _ = w.Write([]byte(text))
	}
	_ = w.Close()
	return b.Bytes()
}

// versionAt returns the text of the files in a folder, "" if there is no folder.
func versionAt(dest string) string {
	if _, err := os.Stat(dest); errors.Is(err, os.ErrNotExist) {
		return ""
	}
	var text []byte
	for i := range filesInArchive {
		b, err := os.ReadFile(filepath.Join(dest, fmt.Sprint(i), "file"))
		if err != nil || i > 0 && !bytes.Equal(b, text) {
			return fmt.Sprintf("file %d: %q, %v", i, b, err)
		}
		text = b
	}
	return string(text)
}
