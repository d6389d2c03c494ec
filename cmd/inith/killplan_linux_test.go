package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// killedPlan is a start-up whose steps take a while each. The migration detects by
// itself that another runs, by a lock of its own that dies with it, and that it
// runs though it was applied.
const killedPlan = `
steps:
- {name: model, fetch: {url: "%s", to: models/model.bin, sha256: "%s", noProgress: 20s}}
- name: folders
  files: [{mkdir: config, mode: 0750}, {copy: plan.yaml, to: config/plan, mode: 0640}, {mkdir: cache}, {chmod: cache, mode: 0700}]
- {name: config, needs: folders, render: {src: app.tmpl, to: config/app.yaml}}
- {name: check, needs: config, validate: [{path: config/app.yaml, require: [model]}]}
- name: schema
  needs: [config]
  migrate:
    lock: "file://${PWD}/lock"
    check: [test, -e, applied]
    command: [flock, --nonblock, --conflict-exit-code=9, overlap, sh, -c, "test ! -e applied || exit 8; sleep 0.1; touch applied"]
- {name: warm, needs: [model, schema, check], exec: [sh, -c, "sleep 0.05; cat config/app.yaml models/model.bin | sha256sum >cache/new && mv cache/new cache/warm"]}
`

// TestKillPlan sends SIGKILL to a hundred runs of a plan at random moments. What is
// run to its end then is as what nobody has disturbed.
func TestKillPlan(t *testing.T) {
	t.Parallel()
	const kills, workers = 100, 4
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	k := &planKiller{t: t, bin: buildInith(t), inStep: map[string]int{}}
	k.serve()
	undisturbed := k.newFolder()
	begun := time.Now()
	k.finish(undisturbed)
	took := time.Since(begun)
	want := treeOf(t, undisturbed)
	if len(want) < 10 {
		t.Fatalf("an undisturbed run leaves %v", want)
	}
	var wg sync.WaitGroup
	for worker := range workers {
		random := rand.New(rand.NewPCG(seed, uint64(worker)))
		wg.Go(func() {
			for k.count(0) < kills {
				folder := k.newFolder()
				for range 1 + random.IntN(4) {
					k.count(k.kill(folder, time.Duration(random.Int64N(int64(took)*3/2))))
				}
				k.finish(folder)
				if diff := cmp.Diff(want, treeOf(t, folder)); diff != "" {
					t.Errorf("(-undisturbed +killed):\n%s", diff)
				}
			}
		})
	}
	wg.Wait()
	t.Logf("%d runs were killed, while these steps ran: %v", k.killed, k.inStep)
	for _, step := range []string{"model", "schema", "warm"} {
		if k.inStep[step] == 0 {
			t.Errorf("no kill fell into %s", step)
		}
	}
}

type planKiller struct {
	t    *testing.T
	bin  string
	plan string

	mu     sync.Mutex
	killed int
	inStep map[string]int // kills while a step ran
}

// serve starts an origin that takes about a quarter of a second for the model.
func (k *planKiller) serve() {
	const size, piece = 1 << 20, 64 << 10
	model := make([]byte, size)
	for i := range model {
		model[i] = byte(i * i >> 7)
	}
	digest := sha256.Sum256(model)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("ETag", `"1"`)
		http.ServeContent(&slowWriter{w, time.Second / 4 * piece / size}, r, "", time.Time{}, bytes.NewReader(model))
	}))
	k.t.Cleanup(server.Close)
	k.plan = fmt.Sprintf(killedPlan, server.URL+"/model", hex.EncodeToString(digest[:]))
}

// A slowWriter pauses after each piece.
type slowWriter struct {
	http.ResponseWriter

	pause time.Duration
}

func (w *slowWriter) Write(b []byte) (int, error) {
	time.Sleep(w.pause)
	return w.ResponseWriter.Write(b)
}

// newFolder returns a folder with what the plan reads.
func (k *planKiller) newFolder() string {
	folder := k.t.TempDir()
	for name, text := range map[string]string{"plan.yaml": k.plan, "app.tmpl": "model: {{ .Env.MODEL }}\n"} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o600); err != nil {
			k.t.Error(err)
		}
	}
	return folder
}

func (k *planKiller) start(folder string, log *bytes.Buffer) *exec.Cmd {
	cmd := exec.Command(k.bin, "run", "--log-format=json", "plan.yaml")
	cmd.Dir, cmd.Stderr = folder, log
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "NO_PROXY=*", "MODEL=small", "PWD=" + folder}
	if err := cmd.Start(); err != nil {
		k.t.Error(err)
	}
	return cmd
}

// finish runs the plan to its end.
func (k *planKiller) finish(folder string) {
	var log bytes.Buffer
	cmd := k.start(folder, &log)
	stuck := time.AfterFunc(hangs, func() { _ = cmd.Process.Kill() })
	defer stuck.Stop()
	if err := cmd.Wait(); err != nil {
		k.t.Errorf("%v: %s", err, &log)
	}
}

// kill kills a run after a time, and notes where it was. It returns 0 if the run has
// ended before.
func (k *planKiller) kill(folder string, after time.Duration) int {
	var log bytes.Buffer
	cmd := k.start(folder, &log)
	time.Sleep(after)
	_ = cmd.Process.Kill()
	err := cmd.Wait()
	if err == nil {
		return 0
	}
	if cmd.ProcessState.ExitCode() >= 0 {
		k.t.Errorf("%v: %s", err, &log)
	}
	running := map[string]bool{}
	for line := range bytes.Lines(log.Bytes()) {
		var record struct{ Msg, Step string }
		if json.Unmarshal(line, &record) == nil && strings.HasPrefix(record.Msg, "step ") {
			running[record.Step] = record.Msg == "step started"
		}
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	for step, is := range running {
		if is {
			k.inStep[step]++
		}
	}
	return 1
}

// count adds to the number of kills, and returns it.
func (k *planKiller) count(n int) int {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.killed += n
	return k.killed
}

// treeOf returns what is in a folder: modes and digests, by path. What a file was to
// become when its process was killed goes after a while, by itself.
func treeOf(t *testing.T, folder string) map[string]string {
	t.Helper()
	tree := map[string]string{}
	err := filepath.WalkDir(folder, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.Name() == ".inith":
			return fs.SkipDir
		case strings.Contains(d.Name(), ".inith-tmp-"), path == folder, d.Name() == "lock":
			return nil
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		what := info.Mode().String()
		if info.Mode().IsRegular() {
			b, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			what += fmt.Sprintf(" %x", sha256.Sum256(b))
		}
		rel, err := filepath.Rel(folder, path)
		tree[rel] = what
		return err
	})
	if err != nil {
		t.Error(err)
	}
	return tree
}
