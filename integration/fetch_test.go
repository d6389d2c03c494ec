package integration_test

import (
	"context"
	"errors"
	"regexp"
	"strings"
	"testing"
	"time"
)

// largeSize is more than a container of these tests has of memory, several times.
const largeSize = 300 << 20

// TestFetch runs `inith fetch` in its image, as strictly as a cluster can, with 64
// MiB of memory, against nginx with TLS.
func TestFetch(t *testing.T) {
	t.Parallel()
	f := &fetching{origin: startOrigin(t, "0"), tag: buildInith(t)}
	f.sum = f.put(t, modelsHost, "large.bin", largeSize)
	t.Run("larger than the memory", f.testLarge)
	t.Run("another digest", f.testMismatch)
	t.Run("killed", f.testKilled)
	t.Run("SIGTERM", f.testTerminated)
	t.Run("becomes the command", f.testCommand)
}

type fetching struct {
	*origin
	tag, sum string
}

const largeURL = "https://" + modelsHost + "/large.bin"

func (f *fetching) testLarge(t *testing.T) {
	t.Parallel()
	r := runContainer(t, "--network=none", "--memory=64m", "--memory-swap=64m", "--entrypoint=sh", image("busybox"), "-c", "head -c 300000000 /dev/zero | tail -n 1 | wc -c")
	if strings.TrimSpace(r.stdout) == "300000000" {
		t.Fatal("300 MB fit into the memory limit of 64 MiB: this test cannot tell the difference")
	}
	volume := newVolume(t)
	args := []string{largeURL, "/models/v2/", "--sha256=" + f.sum, "--json"}
	got := wantFetched(t, runContainer(t, f.run(t, f.tag, volume, nil, args...)...))
	if want := (fetched{
		Path: "/models/v2/large.bin", Digest: "sha256:" + f.sum, Evidence: "pinned", Size: largeSize, Fetched: got.Fetched, Retries: got.Retries,
	}); got != want || got.Fetched < largeSize {
		t.Errorf("got %+v, want %+v", got, want)
	}
	wantModel(t, volume, "/models/v2/large.bin", f.sum)

	// The receipt vouches for it: there is no network now.
	again := wantFetched(t, runContainer(t, f.offline().run(t, f.tag, volume, nil, args...)...))
	if !again.Skipped || again.Fetched != 0 {
		t.Errorf("got %+v, want it to be there", again)
	}
}

func (f *fetching) testMismatch(t *testing.T) {
	t.Parallel()
	volume := newVolume(t)
	message := writeFile(t, "termination-log", "", 0o666)
	options := []string{"--volume=" + message + ":/dev/termination-log"}
	r := runContainer(t, f.run(t, f.tag, volume, options, largeURL, "/models/large.bin", "--sha256="+strings.Repeat("0", 64))...)
	if r.code != 3 || r.stdout != "" {
		t.Errorf("code %d and stdout %q, want 3 and nothing; stderr:\n%s", r.code, r.stdout, r.stderr)
	}
	hasAll(t, r.stderr, "inith: error: fetch "+largeURL+": digest mismatch: want sha256:"+strings.Repeat("0", 64)+" (pinned), got sha256:"+f.sum)
	hasAll(t, readFile(t, message), "error: fetch "+largeURL+": digest mismatch", "hint: ")
	// What was found is kept, so that the next run need not download it again to see that it is wrong.
	if files := inVolume(t, volume, "0", "find", "/models", "-type", "f", "!", "-name", "*.findings"); files != "" {
		t.Errorf("left behind: %q", files)
	}
}

// testKilled ends inith as the kernel does when a node has no memory left.
func (f *fetching) testKilled(t *testing.T) {
	t.Parallel()
	volume := newVolume(t)
	name := startContainer(t, f.run(t, f.tag, volume, nil, largeURL, "/models/", "--sha256="+f.sum, "--limit-rate=30MB")...)
	waitProgress(t, name)
	mustDocker(t.Context(), t, "kill", "--signal=KILL", name)
	if r := endOf(t, name); r.code != 137 || r.stdout != "" {
		t.Fatalf("code %d and stdout %q, want 137 and nothing; stderr:\n%s", r.code, r.stdout, r.stderr)
	}
	if files := inVolume(t, volume, "0", "find", "/models", "-type", "f"); strings.Contains(files, "/models/large.bin") || !strings.Contains(files, ".part\n") {
		t.Fatalf("after SIGKILL there is %q, want a partial file and no other", files)
	}
	got := wantFetched(t, runContainer(t, f.run(t, f.tag, volume, nil, largeURL, "/models/", "--sha256="+f.sum, "--json")...))
	// Of each connection less than a MiB is not in the journal, and the last window may be on its way.
	if got.Resumed < 20<<20 || got.Fetched < largeSize-got.Resumed || got.Fetched > largeSize-got.Resumed+32<<20 {
		t.Errorf("got %+v, want at least 20 MiB to be there and the rest to come", got)
	}
	wantModel(t, volume, "/models/large.bin", f.sum)
}

// testTerminated ends inith as a kubelet does when the Pod is deleted.
func (f *fetching) testTerminated(t *testing.T) {
	t.Parallel()
	volume := newVolume(t)
	name := startContainer(t, f.run(t, f.tag, volume, nil, largeURL, "/models/", "--sha256="+f.sum, "--limit-rate=30MB")...)
	waitProgress(t, name)
	sent := time.Now()
	mustDocker(t.Context(), t, "kill", "--signal=TERM", name)
	r := endOf(t, name)
	if took := finished(t, name).Sub(sent); r.code != 143 || took > 20*time.Second { // 2 s on a machine that is not busy
		t.Errorf("code %d after %v, want 143 after 2s at most", r.code, took)
	}
	hasAll(t, r.stderr, "inith: error: fetch "+largeURL+": received SIGTERM; downloaded ", " of 300.0 MiB\n")
	got := wantFetched(t, runContainer(t, f.run(t, f.tag, volume, nil, largeURL, "/models/", "--sha256="+f.sum, "--json")...))
	if got.Resumed < 20<<20 {
		t.Errorf("got %+v, want at least 20 MiB to be there", got)
	}
}

func (f *fetching) testCommand(t *testing.T) {
	t.Parallel()
	small := f.put(t, modelsHost, "small.bin", 5<<20)
	r := runContainer(t, f.run(t, f.tag, newVolume(t), nil, "https://"+modelsHost+"/small.bin", "/models/small.bin", "--sha256="+small, "--", "/inith", "version")...)
	if r.code != 0 || !strings.HasPrefix(r.stdout, "inith ") || strings.Contains(r.stdout, "small.bin") {
		t.Errorf("got %+v, want code 0 and the output of the command alone", r)
	}
}

// waitProgress waits until at least 30 MB of a file are there.
func waitProgress(t *testing.T, name string) {
	t.Helper()
	tens := regexp.MustCompile(`msg=progress .* bytes=([3-9]\d{7}|\d{9,})`)
	poll(t, 2*time.Minute, func(ctx context.Context) error {
		if r := logOf(ctx, t, name); !tens.MatchString(r.stderr) {
			return errors.New("not yet:\n" + r.stderr)
		}
		return nil
	})
}
