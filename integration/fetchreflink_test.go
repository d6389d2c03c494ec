package integration_test

import (
	"crypto/sha256"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// A fileSystem is one that nothing else uses, at /fs in a container that may mount.
type fileSystem struct{ container string }

// noRoomTwice is the size of a file for a copy of which there is no room.
const noRoomTwice = 170 << 20

// newFileSystem creates a file system with a program and its options. The test is skipped where the kernel has no such file system.
func newFileSystem(t *testing.T, kind, mkfs string) *fileSystem {
	t.Helper()
	if _, err := os.Stat("/dev/loop-control"); err != nil {
		t.Skipf("the kernel has no loop devices: %v", err)
	}
	v := &fileSystem{startContainer(t, "--cap-add=SYS_ADMIN", "--security-opt=seccomp=unconfined", "--security-opt=apparmor=unconfined",
		"--device=/dev/loop-control", "--device-cgroup-rule=b 7:* rmw", "--network=host", "--volume=/disk", "--volume="+binary+":/inith:ro",
		"--entrypoint=sleep", image("filesystems"), "infinity")}
	v.sh(t, `type mkfs.xfs mkfs.btrfs filefrag mount >/dev/null 2>&1 ||
		{ apt-get update -qq && apt-get install -y -qq --no-install-recommends xfsprogs btrfs-progs e2fsprogs mount; } >/dev/null
		truncate -s 320M /disk/image
		$1 /disk/image >/dev/null
		mkdir /fs
		for i in $(seq 0 63); do test -b /dev/loop$i || mknod /dev/loop$i b 7 $i; done`, mkfs)
	if r := v.exec(t, "0", "mount", "-o", "loop", "/disk/image", "/fs"); strings.Contains(r.stderr, "unknown filesystem type") {
		t.Skipf("the kernel has no %s", kind)
	} else if r.code != 0 {
		t.Fatalf("mount: %s", r.stderr)
	}
	t.Cleanup(func() { cleanup(t, "exec", v.container, "umount", "--lazy", "/fs") }) // else the loop device would keep the image
	v.sh(t, `chmod 1777 /fs
		mkdir /fs/source
		head -c "$1" /dev/urandom >/fs/source/large
		sync
		test "$(df --output=avail --block-size=1 /fs | tail -n 1)" -lt "$1" # else a copy would do
		cp --reflink=always /fs/source/large /fs/probe
		rm /fs/probe`, strconv.Itoa(noRoomTwice))
	return v
}

// exec runs a command in the container.
func (v *fileSystem) exec(t *testing.T, user string, args ...string) result {
	t.Helper()
	return runDocker(t.Context(), t, nil, append([]string{"exec", "--user=" + user, v.container}, args...)...)
}

// sh runs a script that has to succeed, as root, and returns its output.
func (v *fileSystem) sh(t *testing.T, script string, args ...string) string {
	t.Helper()
	r := v.exec(t, "0", append([]string{"bash", "-euc", script, "bash"}, args...)...)
	if r.code != 0 {
		t.Fatalf("exit code %d of\n%s\n%s%s", r.code, script, r.stdout, r.stderr)
	}
	return strings.TrimSpace(r.stdout)
}

// fetch runs `inith fetch` as a user who owns nothing of the sources.
func (v *fileSystem) fetch(t *testing.T, args ...string) result {
	t.Helper()
	return v.exec(t, "1234", append([]string{"/inith", "--log-level=debug", "fetch"}, args...)...)
}

// extent is a line of filefrag: the flags are behind the last colon.
var extent = regexp.MustCompile(`(?m)^ *[0-9]+:.*:([^:]*)$`)

// wantShared checks that a file has all its blocks in common with another one, and no byte of its own.
func (v *fileSystem) wantShared(t *testing.T, path string) {
	t.Helper()
	out := v.sh(t, `sync; filefrag -v "$1"`, path)
	all := extent.FindAllStringSubmatch(out, -1)
	if len(all) == 0 || slices.ContainsFunc(all, func(line []string) bool { return !strings.Contains(line[1], "shared") }) {
		t.Errorf("%s does not share its blocks:\n%s", path, out)
	}
}

// wantSame checks that a file has the bytes of another one, and is not that file.
func (v *fileSystem) wantSame(t *testing.T, path, source string) {
	t.Helper()
	v.sh(t, `cmp "$1" "$2"; ! test "$1" -ef "$2"; test "$(stat -c %h "$1")" = 1`, path, source)
}

// TestFetchReflink fetches files that are on the file system of the destination, which shares their bytes.
func TestFetchReflink(t *testing.T) {
	t.Parallel()
	for kind, mkfs := range map[string]string{"xfs": "mkfs.xfs -q -m reflink=1", "btrfs": "mkfs.btrfs -q -m single"} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			v := newFileSystem(t, kind, mkfs)
			t.Run("sizes", v.testSizes)
			t.Run("large", v.testLarge)
			t.Run("directory", v.testDirectory)
			t.Run("changes", v.testChanges)
			t.Run("elsewhere", v.testElsewhere)
			t.Run("cache", v.testCache)
		})
	}
}

// testSizes fetches files of all kinds of sizes.
func (v *fileSystem) testSizes(t *testing.T) {
	v.sh(t, `cd /fs/source
		: >empty
		printf x >byte
		head -c 65536 /dev/urandom >blocks
		head -c 10489857 /dev/urandom >odd # no multiple of any block
		truncate -s 64M sparse
		printf x | dd of=sparse bs=1 seek=34567890 conv=notrunc status=none
		ln odd linked
		sync`)
	for _, name := range []string{"empty", "byte", "blocks", "odd", "sparse", "linked"} {
		source, dest := "/fs/source/"+name, "/fs/sizes/"+name
		if r := v.fetch(t, "file://"+source, "/fs/sizes/"); r.code != 0 || !strings.Contains(r.stderr, "how=reflink") {
			t.Errorf("%s: code %d; stderr:\n%s", name, r.code, r.stderr)
			continue
		}
		v.wantSame(t, dest, source)
		if name != "empty" && name != "byte" { // Btrfs keeps a few bytes with the name
			v.wantShared(t, dest)
		}
	}
	v.sh(t, `test "$(stat -c %b /fs/sizes/sparse)" -le "$(stat -c %b /fs/source/sparse)"`)
}

// testLarge fetches a file for a copy of which there is no room, once all its bytes have been compared with a digest.
func (v *fileSystem) testLarge(t *testing.T) {
	const source, dest = "/fs/source/large", "/fs/large/dest"
	sum, _, _ := strings.Cut(v.sh(t, `sha256sum "$1"`, source), " ")
	used := func() (kib int64) {
		_, err := fmt.Sscan(v.sh(t, `sync; df --output=used -k /fs | tail -n 1`), &kib)
		if err != nil {
			t.Fatal(err)
		}
		return kib
	}
	before := used()

	r := v.fetch(t, source, dest, "--sha256="+strings.Repeat("0", 64))
	hasAll(t, r.stderr, "digest mismatch", sum, "how=reflink")
	if left := v.sh(t, `find /fs/large -type f -not -name '*.lock' -not -name '*.wrong' -size +1k`); r.code != 3 || left != "" {
		t.Errorf("code %d, want 3; left: %s", r.code, left)
	}

	r = runDocker(t.Context(), t, nil, "exec", "--user=1234", "--env=INITH_FETCH_EPHEMERAL_LIMIT=1000000", v.container, "/inith", "fetch", "/fs/source/odd", dest)
	if r.code != 1 {
		t.Errorf("code %d, want 1", r.code)
	}
	hasAll(t, r.stderr, "of ephemeral storage left")

	for name, args := range map[string][]string{"path": nil, "pinned": {"--sha256=" + sum}} {
		r = v.fetch(t, append([]string{source, dest + name}, args...)...)
		if r.code != 0 || !strings.Contains(r.stderr, "digest=sha256:"+sum) {
			t.Errorf("%s: code %d; stderr:\n%s", name, r.code, r.stderr)
			continue
		}
		v.wantSame(t, dest+name, source)
		v.wantShared(t, dest+name)
	}
	if took := used() - before; took > noRoomTwice>>10/8 {
		t.Errorf("two files took %d KiB", took)
	}
	v.sh(t, `rm -r /fs/large`)
}

// testDirectory fetches a tree.
func (v *fileSystem) testDirectory(t *testing.T) {
	v.sh(t, `mkdir -p /fs/tree/a/b
		for i in $(seq 20); do head -c $((i * 70001)) /dev/urandom >/fs/tree/a/b/$i; done
		: >/fs/tree/empty
		ln /fs/tree/a/b/20 /fs/tree/linked
		sync`)
	r := v.fetch(t, "file:///fs/tree/", "/fs/out")
	if n := strings.Count(r.stderr, "how=reflink"); r.code != 0 || n != 22 {
		t.Fatalf("code %d, %d reflinks; stderr:\n%s", r.code, n, r.stderr)
	}
	v.sh(t, `diff -r /fs/tree /fs/out --exclude=.inith; test -z "$(find /fs/out -type f -links +1)"`)
	v.wantShared(t, "/fs/out/a/b/20")
	v.wantShared(t, "/fs/out/a/b/1")
}

// testChanges has the source change when its bytes have been shared, and are hashed.
func (v *fileSystem) testChanges(t *testing.T) {
	const source, dest = "/fs/source/large", "/fs/changed"
	v.sh(t, `cp --reflink=always "$1" /fs/before`, source)
	for name, change := range map[string]string{
		"written":   `printf "$RANDOM" | dd of="$1" bs=1 seek=$((RANDOM * 1000)) conv=notrunc status=none`,
		"truncated": `truncate -s -1234567 "$1"`,
		"replaced":  `cp --reflink=always "$1" "$1.new"; echo new >>"$1.new"; mv "$1.new" "$1"`,
	} {
		t.Run(name, func(t *testing.T) {
			v.stopped(t, change, source, dest, func(log string) bool {
				v.wantSame(t, dest, source)
				v.wantShared(t, dest)
				return strings.Contains(log, "the file changed on the server: starting again") // else all was hashed before
			})
			v.sh(t, `cp --reflink=always /fs/before "$1"`, source)
		})
	}
	t.Run("pinned", func(t *testing.T) { // the bytes that were shared stay what they were
		sum, _, _ := strings.Cut(v.sh(t, `sha256sum "$1"`, source), " ")
		v.stopped(t, `printf x >>"$1"`, source, dest, func(string) bool {
			if got := v.sh(t, `sha256sum "$1"`, dest); !strings.HasPrefix(got, sum) {
				t.Errorf("the destination has the digest %s, want %s", got, sum)
			}
			return true
		}, "--sha256="+sum)
	})
}

// stopped fetches a file whose source changes while inith, which has shared its bytes, is stopped, until ok says that the
// change came before the end.
func (v *fileSystem) stopped(t *testing.T, change, source, dest string, ok func(log string) bool, args ...string) {
	t.Helper()
	const script = `change=$1 source=$2 dest=$3; shift 3
		rm -f "$dest"
		: >/tmp/log
		/inith --log-level=debug fetch "$source" "$dest" "$@" >/dev/null 2>/tmp/log & pid=$!
		until grep -q how=reflink /tmp/log; do kill -0 $pid 2>/dev/null || break; done
		kill -STOP $pid || true
		bash -euc "$change" bash "$source"
		kill -CONT $pid || true
		code=0; wait $pid || code=$?
		cat /tmp/log; echo "code=$code"`
	for range 20 {
		out := v.sh(t, script, append([]string{change, source, dest}, args...)...)
		if !strings.HasSuffix(out, "code=0") {
			t.Fatalf("inith failed:\n%s", out)
		}
		if ok(out) {
			return
		}
	}
	t.Error("the source never changed in time")
}

// testElsewhere fetches to another file system, which has a copy.
func (v *fileSystem) testElsewhere(t *testing.T) {
	r := v.fetch(t, "/fs/source/odd", "/dev/shm/odd")
	if r.code != 0 || strings.Contains(r.stderr, "how=reflink") {
		t.Errorf("code %d; stderr:\n%s", r.code, r.stderr)
	}
	v.wantSame(t, "/dev/shm/odd", "/fs/source/odd")
}

// testCache has cache and destination as a Pod has them: two mounts, of one file system or of two.
func (v *fileSystem) testCache(t *testing.T) {
	content := slices.Repeat([]byte("twenty bytes of it, "), 1<<20)
	sum := fmt.Sprintf("%x", sha256.Sum256(content))
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.ServeContent(w, r, "", time.Unix(1e9, 0), strings.NewReader(string(content)))
	}))
	t.Cleanup(s.Close)
	v.sh(t, `mkdir -m 1777 /fs/cache /fs/pod /cache /pod
		mount --bind /fs/cache /cache
		mount --bind /fs/pod /pod`)
	t.Cleanup(func() { cleanup(t, "exec", v.container, "umount", "--lazy", "/cache", "/pod") })
	for _, tt := range []struct{ user, dest, how string }{
		{"1234", "/pod/first", "reflink"},
		{"1234", "/pod/second", "reflink"},
		{"4321", "/pod/another user", "reflink"},
		{"1234", "/dev/shm/cached", "copy"},
		{"4321", "/dev/shm/another user", "copy"},
	} {
		r := v.exec(t, tt.user, "/inith", "--log-level=debug", "fetch", s.URL+"/model.bin", tt.dest, "--cache=/cache", "--sha256="+sum)
		if r.code != 0 || !strings.Contains(r.stderr, "how="+tt.how) || strings.Contains(r.stderr, "level=WARN") {
			t.Errorf("%s: code %d, want it by %s; stderr:\n%s", tt.dest, r.code, tt.how, r.stderr)
			continue
		}
		s.Close() // the others have the cache alone
		object := "/cache/sha256-" + sum
		v.wantSame(t, tt.dest, object)
		if tt.how == "reflink" {
			v.wantShared(t, tt.dest)
		}
	}
}
