package fetch_test

import (
	"bytes"
	"crypto/sha256"
	"encoding"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/inith/inith/fetch"
	"github.com/inith/inith/internal/testing/faultserver"
)

// journalLine returns a line as a journal has it, with its checksum.
func journalLine(line string) string {
	return fmt.Sprintf("%s %08x\n", line, checksum([]byte(line)))
}

// closedLine returns the line with which a process leaves a partial file.
func closedLine(tb testing.TB, part string) string {
	tb.Helper()
	b, err := json.Marshal(identity(tb, part))
	if err != nil {
		tb.Fatal(err)
	}
	return journalLine("closed " + string(b))
}

// identity returns what a receipt and a journal say of the file that they speak for.
func identity(tb testing.TB, path string) map[string]any {
	tb.Helper()
	var s unix.Stat_t
	if err := unix.Lstat(path, &s); err != nil {
		tb.Fatal(err)
	}
	return map[string]any{"device": s.Dev, "inode": s.Ino, "size": s.Size, "changed": s.Ctim.Nano()}
}

func appendTo(tb testing.TB, path, text string) {
	tb.Helper()
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		tb.Fatal(err)
	}
	if _, err := f.WriteString(text); err != nil {
		tb.Fatal(err)
	}
	if err := f.Close(); err != nil {
		tb.Fatal(err)
	}
}

func checksum(b []byte) uint32 { return crc32.Checksum(b, crc32.MakeTable(crc32.Castagnoli)) }

// left returns what an interrupted transfer has left.
func left(tb testing.TB, file fetch.File) (part, journal string) {
	tb.Helper()
	state := stateOf(file.Dest)
	return only(tb, state+"/*.part"), only(tb, state+"/*.journal")
}

// leftWithFirstPiece interrupts a transfer until it leaves the first piece: on a busy
// machine it may come late.
func leftWithFirstPiece(t *testing.T, o *origin, file fetch.File) (part, journal string) {
	t.Helper()
	for range 50 {
		interrupted(t, o, file)
		part, journal = left(t, file)
		if lines, err := os.ReadFile(journal); err == nil && bytes.Contains(lines, []byte("\nhave 0 ")) {
			return part, journal
		}
		if err := os.RemoveAll(stateOf(file.Dest)); err != nil {
			t.Fatal(err)
		}
	}
	t.Fatal("the first piece never comes")
	return "", ""
}

// TestHashStateWithoutItsBytes resumes a hash whose bytes have changed since: the
// state counts only with the checksums of what it is of.
func TestHashStateWithoutItsBytes(t *testing.T) {
	t.Parallel()
	b := content(24 << 20)
	o := newOrigin(t, b, nil)
	file := fetch.File{URL: parse(t, o.URL+"/model.bin"), Dest: filepath.Join(t.TempDir(), "model.bin"), Digest: digestOf(b)}
	part, journal := leftWithFirstPiece(t, o, file)
	appendTo(t, journal, "\n"+journalLine(fmt.Sprintf("hash %d %x", 1<<20, hashState(t, b[:1<<20]))))
	if err := flip(part, 17); err != nil {
		t.Fatal(err)
	}
	appendTo(t, journal, closedLine(t, part)) // as if the process had left the file like that
	if _, err := run(t, &fetch.Fetcher{}, file); err != nil {
		t.Fatal(err)
	}
	if got, _ := os.ReadFile(file.Dest); !bytes.Equal(got, b) {
		t.Error("WRONG BYTES")
	}
}

// TestHashStateOfAnotherFile has other bytes in the partial file, whose checksums are in the
// journal, and a hash state of the right ones. The journal's last line is of the file before.
func TestHashStateOfAnotherFile(t *testing.T) {
	t.Parallel()
	b := content(24 << 20)
	o := newOrigin(t, b, nil)
	file := fetch.File{URL: parse(t, o.URL+"/model.bin"), Dest: filepath.Join(t.TempDir(), "model.bin"), Digest: digestOf(b)}
	part, journal := leftWithFirstPiece(t, o, file)
	appendTo(t, journal, "\n"+journalLine(fmt.Sprintf("hash %d %x", 1<<20, hashState(t, b[:1<<20]))))
	appendTo(t, journal, closedLine(t, part))
	if err := flip(part, 17); err != nil {
		t.Fatal(err)
	}
	other := bytes.Clone(b[:1<<20])
	other[17] ^= 0x40
	closed := lastLine(t, journal)
	appendTo(t, journal, journalLine(fmt.Sprintf("have 0 %08x", checksum(other)))+closed)
	if _, err := run(t, &fetch.Fetcher{}, file); err != nil {
		t.Fatal(err)
	}
	if got, _ := os.ReadFile(file.Dest); !bytes.Equal(got, b) {
		t.Error("WRONG BYTES")
	}
}

func lastLine(tb testing.TB, path string) string {
	tb.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		tb.Fatal(err)
	}
	lines := strings.SplitAfter(strings.TrimRight(string(b), "\n"), "\n")
	return lines[len(lines)-1] + "\n"
}

// hashState returns the state of sha256 after some bytes.
func hashState(tb testing.TB, b []byte) []byte {
	tb.Helper()
	h := sha256.New()
	_, _ = h.Write(b)
	m, ok := h.(encoding.BinaryMarshaler)
	if !ok {
		tb.Fatal("sha256 has no state")
	}
	state, err := m.MarshalBinary()
	if err != nil {
		tb.Fatal(err)
	}
	return state
}

// TestLineWithWrongChecksum has a journal say of a hole that it is there, in a line
// whose own checksum is wrong: the line does not count.
func TestLineWithWrongChecksum(t *testing.T) {
	t.Parallel()
	const mib = 1 << 20
	b := content(24 * mib)
	o := newOrigin(t, b, nil)
	file := fetch.File{URL: parse(t, o.URL+"/model.bin"), Dest: filepath.Join(t.TempDir(), "model.bin")}
	interrupted(t, o, file)
	part, journal := left(t, file)
	f, err := os.OpenFile(part, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteAt(make([]byte, mib), 23*mib); err != nil {
		t.Fatal(err)
	}
	_ = f.Close()
	zeros := checksum(make([]byte, mib))
	appendTo(t, journal, fmt.Sprintf("\nhave 23 %08x 00000000\n", zeros))
	if _, err := run(t, &fetch.Fetcher{}, file); err != nil {
		t.Fatal(err)
	}
	if got, _ := os.ReadFile(file.Dest); !bytes.Equal(got, b) {
		t.Error("WRONG BYTES")
	}
}

// TestTouched writes other bytes of the same length to a destination, and sets its time
// back: its receipt does not count any more.
func TestTouched(t *testing.T) {
	t.Parallel()
	b := content(100_000)
	other := append([]byte("changed"), b[7:]...)
	for _, pinned := range []bool{true, false} {
		o := newOrigin(t, b, nil)
		file := fetch.File{URL: parse(t, o.URL+"/model.bin"), Dest: filepath.Join(t.TempDir(), "model.bin")}
		if pinned {
			file.Digest = digestOf(b)
		}
		if _, err := run(t, &fetch.Fetcher{}, file); err != nil {
			t.Fatal(err)
		}
		before, err := os.Stat(file.Dest)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file.Dest, other, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(file.Dest, time.Time{}, before.ModTime()); err != nil {
			t.Fatal(err)
		}
		result, err := run(t, &fetch.Fetcher{}, file)
		if got, _ := os.ReadFile(file.Dest); err != nil || result.Skipped || !bytes.Equal(got, b) {
			t.Errorf("pinned %t: %+v, %v; want the file fetched again", pinned, result, err)
		}
	}
}

// TestMirrorOfAnotherSize asks a mirror that has another file while the source is
// away: what the source has given stays for the run in which it is back.
func TestMirrorOfAnotherSize(t *testing.T) {
	t.Parallel()
	b := content(24 << 20)
	var c changing
	o := newOrigin(t, b, c.wrap)
	mirror := newOrigin(t, b[:20<<20], nil)
	file := fetch.File{URL: parse(t, o.URL+"/model.bin"), Dest: filepath.Join(t.TempDir(), "model.bin"), Digest: digestOf(b)}
	interrupted(t, o, file)
	c.become(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNotFound) })
	file.Mirrors = []*url.URL{parse(t, mirror.URL+"/model.bin")}
	if _, err := run(t, &fetch.Fetcher{}, file); err == nil || !strings.Contains(err.Error(), "has 20971520 bytes, and another source 25165824") {
		t.Errorf("err = %v, want both sizes", err)
	}
	c.later.Store(nil)
	result, err := run(t, &fetch.Fetcher{}, file)
	if err != nil || result.Resumed == 0 {
		t.Errorf("resumed %d bytes, %v; want what the source had given", result.Resumed, err)
	}
}

const cloud = "169.254.169.254"

// redirectTo serves redirects to a host, and notes in a proxy what is asked for there.
func redirectTo(t *testing.T, host string) (from *url.URL, proxy *httptest.Server) {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "http://"+host+"/latest/meta-data/", http.StatusFound)
	}))
	t.Cleanup(server.Close)
	proxy = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Hostname() == host {
			_, _ = w.Write([]byte("credentials"))
			return
		}
		http.Redirect(w, r, "http://"+host+"/latest/meta-data/", http.StatusFound)
	}))
	t.Cleanup(proxy.Close)
	return parse(t, server.URL+"/model.bin"), proxy
}

func wantLinkLocalRefused(t *testing.T, f *fetch.Fetcher, from *url.URL) {
	t.Helper()
	f.StallTimeout = time.Minute
	dest := filepath.Join(t.TempDir(), "model.bin")
	_, err := run(t, f, fetch.File{URL: from, Dest: dest})
	if err == nil || !strings.Contains(err.Error(), "redirected to a link-local address") {
		t.Errorf("err = %v, want it refused", err)
	}
}

// TestLinkLocalLiteral redirects to the address of a cloud's credentials behind a
// proxy, which dials in our place: the literal alone tells.
func TestLinkLocalLiteral(t *testing.T) {
	t.Parallel()
	from, proxy := redirectTo(t, cloud)
	through := parse(t, proxy.URL)
	wantLinkLocalRefused(t, &fetch.Fetcher{Proxy: func(*url.URL) (*url.URL, error) { return through, nil }}, from)
}

// TestLinkLocalName redirects to a name that has that address: it shows when it is
// dialed. It is not parallel: there is one resolver.
func TestLinkLocalName(t *testing.T) {
	names, stop, err := faultserver.StartNames(t.Context(), func(string) []netip.Addr { return []netip.Addr{netip.MustParseAddr(cloud)} })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		resolver.Store(nil)
		stop()
	})
	resolver.Store(names)
	from, _ := redirectTo(t, "metadata."+faultserver.OriginName)
	wantLinkLocalRefused(t, &fetch.Fetcher{}, from)
}
