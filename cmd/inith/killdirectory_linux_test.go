package main

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/inith/inith/internal/testing/hubserver"
)

// TestDirectoryKilled kills downloads of a directory at any moment, until one is complete: what is at the destination
// is the old directory or the new one, and what was finished is not requested again.
func TestDirectoryKilled(t *testing.T) {
	if testing.Short() {
		t.Skip("starts some fifty processes")
	}
	bin, seed := buildInith(t), uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	for i, kind := range []string{"new", "update", "in place"} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			k := &killedDirectory{bin: bin, rand: rand.New(rand.NewPCG(seed, uint64(i))), kind: kind, dest: filepath.Join(t.TempDir(), "model")}
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
	old, new map[string][]byte
	complete int // kills that found the new directory
}

func killedRepository(version byte) hubserver.Repository {
	r := hubserver.Repository{
		Name: "org/model", Commit: strings.Repeat(string([]byte{'0' + version}), 40), LFS: 1 << 20, Files: map[string][]byte{},
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

func (k *killedDirectory) command(options ...string) *exec.Cmd {
	cmd := exec.Command(k.bin, append([]string{"fetch", "hf://org/model", k.dest, "--json"}, options...)...)
	if k.kind == "in place" {
		cmd.Args = append(cmd.Args, "--in-place")
	}
	cmd.Env = []string{"HF_ENDPOINT=" + k.hub.URL, "NO_PROXY=*"}
	return cmd
}

func (k *killedDirectory) run(t *testing.T) {
	t.Helper()
	r := killedRepository(1)
	k.hub = hubserver.Start(r, canary)
	defer k.hub.Close()
	if k.kind != "new" {
		k.old = r.Files
		if out, err := k.command().CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		r = killedRepository(2)
		k.hub.Change(r)
	}
	k.new = r.Files
	before := len(k.hub.Requests("/resolve/"))
	const kills = 15
	for range kills {
		cmd := k.command("--limit-rate=8MiB", "--connections=4")
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(upTo(k.rand, 900*time.Millisecond))
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		k.look(t)
	}
	out, err := k.command().Output()
	var result jsonResult
	if err != nil || json.Unmarshal(out, &result) != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if got := k.files(t); !maps.EqualFunc(got, k.new, bytes.Equal) {
		t.Errorf("at the end: %q", slices.Sorted(maps.Keys(got)))
	}
	const underWay = 4 * 2 // requests of a run that is killed: and those that it had just answered
	if n, most := len(k.hub.Requests("/resolve/"))-before, len(k.new)+(kills+1)*underWay; n > most {
		t.Errorf("%d requests for %d files, want at most %d", n, len(k.new), most)
	}
	t.Logf("%d kills found it complete; the last run: %+v", k.complete, result)
	k.wantNothingLeft(t)
}

// look holds what is at the destination to be the old directory or the new one. In place, that holds for each file.
func (k *killedDirectory) look(t *testing.T) {
	t.Helper()
	now := k.files(t)
	switch isNew := maps.EqualFunc(now, k.new, bytes.Equal); {
	case isNew:
		k.complete++
	case k.kind == "in place":
		for name, b := range now {
			if !bytes.Equal(b, k.old[name]) && !bytes.Equal(b, k.new[name]) {
				t.Errorf("%s has %d bytes, sha256 %x", name, len(b), sha256.Sum256(b))
			}
		}
	case !maps.EqualFunc(now, k.old, bytes.Equal):
		t.Errorf("neither the old directory nor the new one: %q", slices.Sorted(maps.Keys(now)))
	}
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
