package main

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"fmt"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/inith/inith/fetch"
	"github.com/inith/inith/internal/testing/hubserver"
)

// TestDirectoryKilled kills downloads of a directory at any moment, of one version after the other: what is at the
// destination is the old directory or the new one, and what was finished is not requested again.
func TestDirectoryKilled(t *testing.T) {
	if testing.Short() {
		t.Skip("starts some hundred processes")
	}
	t.Parallel()
	bin, seed := buildInith(t), uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	for i, kind := range []string{"new", "update", "in place"} {
		t.Run(kind, func(t *testing.T) {
			k := &killedDirectory{bin: bin, rand: rand.New(rand.NewPCG(seed, uint64(i))), kind: kind, dest: filepath.Join(t.TempDir(), "model")}
			k.hub = hubserver.Start(killedRepository(0), canary)
			defer k.hub.Close()
			k.run(t)
		})
	}
}

// A killedDirectory is fetched by one run after the other, all but the last of which are killed.
type killedDirectory struct {
	bin      string
	rand     *rand.Rand
	kind     string
	dest     string
	hub      *hubserver.Server
	version  byte
	old, new map[string][]byte
	asked    int // requests for files, before this version
	kills    int // of this version
}

func killedRepository(version byte) hubserver.Repository {
	r := hubserver.Repository{
		Name: "org/model", Commit: fmt.Sprintf("%040x", version), LFS: 1 << 20, Files: map[string][]byte{},
	}
	for i := range 3 {
		r.Files[fmt.Sprintf("model-%d.safetensors", i)] = randomBytes(3<<20+i, uint64(version)*100+uint64(i))
	}
	for i := range 40 {
		r.Files[fmt.Sprintf("parts/%02d.json", i)] = randomBytes(20_000+i, uint64(version)*100+uint64(10+i))
	}
	r.Files["same.bin"], r.Files["empty"] = randomBytes(1<<20, 7), nil
	return r
}

func (k *killedDirectory) start(t *testing.T, options ...string) *fetchRun {
	t.Helper()
	args := append([]string{"hf://org/model", k.dest, "--connections=4"}, options...)
	if k.kind == "in place" {
		args = append(args, "--in-place")
	}
	r, err := startFetchWith([]string{"HF_ENDPOINT=" + k.hub.URL}, k.bin, args...)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func (k *killedDirectory) run(t *testing.T) {
	t.Helper()
	complete := 0
	k.next(t)
	for range 30 {
		r := k.start(t, "--limit-rate=8MiB")
		k.strike(r)
		if !r.kill() {
			if err := endedAlone(r); err != nil {
				t.Error(err)
			}
		}
		k.kills++
		if k.look(t) {
			complete++
			k.next(t)
		}
	}
	if err := k.start(t).succeed(); err != nil {
		t.Fatal(err)
	}
	if !k.look(t) {
		t.Error("it is not complete")
	}
	k.wantFewRequests(t)
	k.wantNothingLeft(t)
	t.Logf("%d versions were complete", complete)
}

// next makes the hub have another version.
func (k *killedDirectory) next(t *testing.T) {
	t.Helper()
	k.wantFewRequests(t)
	k.version++
	k.old = k.new
	if k.kind == "new" {
		k.old = nil
		if err := os.RemoveAll(k.dest); err != nil {
			t.Fatal(err)
		}
	}
	r := killedRepository(k.version)
	k.new = r.Files
	k.hub.Change(r)
	k.kills, k.asked = 0, len(k.hub.Requests("/resolve/"))
}

// wantFewRequests holds the requests for a version to one for each file, and those that were under way at a kill.
func (k *killedDirectory) wantFewRequests(t *testing.T) {
	t.Helper()
	const underWay = 4 * 2 // the files that are fetched, and those that had come just then
	n := len(k.hub.Requests("/resolve/")) - k.asked
	if most := len(k.new) + (k.kills+1)*underWay; k.new != nil && n > most {
		t.Errorf("version %d: %d requests for %d files after %d kills, want at most %d", k.version, n, len(k.new), k.kills, most)
	}
}

// strike returns when a run is to be killed: at any time, or while the files are put to the destination.
func (k *killedDirectory) strike(r *fetchRun) {
	shortly := upTo(k.rand, 4*time.Millisecond)
	switch k.rand.IntN(5) {
	case 0:
		r.after(fetch.Syncing, shortly)
	case 1:
		r.after(fetch.Renaming, shortly)
	case 2:
		r.afterNext(fetch.Renaming, shortly/4)
	default:
		r.read(r.begun.Add(upTo(k.rand, 900*time.Millisecond)), "")
	}
}

// look holds what is at the destination to be the old directory or the new one, and reports whether it is the new one. In
// place, each file is one of the two.
func (k *killedDirectory) look(t *testing.T) (isNew bool) {
	t.Helper()
	now := k.files(t)
	isNew = maps.EqualFunc(now, k.new, bytes.Equal)
	switch {
	case isNew:
	case k.kind == "in place":
		for name, b := range now {
			if !bytes.Equal(b, k.old[name]) && !bytes.Equal(b, k.new[name]) {
				t.Errorf("%s has %d bytes, sha256 %x", name, len(b), sha256.Sum256(b))
			}
		}
	case !maps.EqualFunc(now, k.old, bytes.Equal):
		t.Errorf("neither the old directory nor the new one: %q", slices.Sorted(maps.Keys(now)))
	}
	return isNew
}

// files returns what is at the destination: nil if nothing is.
func (k *killedDirectory) files(t *testing.T) map[string][]byte {
	t.Helper()
	if _, err := os.Stat(k.dest); err != nil {
		return nil
	}
	all := map[string][]byte{}
	err := fs.WalkDir(os.DirFS(k.dest), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.Name() == ".inith" {
			return cmp.Or(err, fs.SkipDir)
		}
		if d.Type().IsRegular() {
			all[name], err = os.ReadFile(filepath.Join(k.dest, name))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// wantNothingLeft holds the state to the record.
func (k *killedDirectory) wantNothingLeft(t *testing.T) {
	t.Helper()
	dir := stateOf(k.dest)
	if k.kind == "in place" {
		dir = stateOf(filepath.Join(k.dest, "x"))
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 1 || !strings.HasSuffix(entries[0].Name(), ".record") {
		t.Errorf("the state has %v, %v", entries, err)
	}
}
