package fetch

import (
	"cmp"
	"context"
	"encoding/json"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// A receipt says what is at a destination, so that a second run need not ask. It
// vouches for a file only that has not been touched since.
type receipt struct {
	Version  int    `json:"version"`
	Source   string `json:"source"` // a hash of the URL without its query
	Size     int64  `json:"size"`   // of what was fetched
	Tag      string `json:"tag"`
	Digest   string `json:"digest"`
	Evidence string `json:"evidence"`

	FileSize int64 `json:"file_size"`
	Modified int64 `json:"modified"` // Unix nanoseconds
}

// A receipt is written under the second name before its file or folder is put at
// the destination, which does not change their size and time.
const (
	receiptSuffix = ".receipt"
	pendingSuffix = ".receipt.new"
)

// readReceipt returns the receipt of what is at the destination, if it is intact.
// One that a killed process had written for it counts from now on.
func (t *Transfer) readReceipt() (receipt, bool) {
	pending := t.place.state(pendingSuffix)
	if r, intact := t.readReceiptAt(pending); intact {
		_ = os.Rename(pending, t.place.state(receiptSuffix))
		return r, true
	}
	if t.locked { // else it may be of a process that is at work
		_ = os.Remove(pending)
	}
	return t.readReceiptAt(t.place.state(receiptSuffix))
}

func (t *Transfer) readReceiptAt(path string) (receipt, bool) {
	var r receipt
	b, err := os.ReadFile(filepath.Clean(path))
	if err != nil || json.Unmarshal(b, &r) != nil || r.Version != journalVersion {
		return r, false
	}
	stat, err := os.Stat(t.place.dest)
	return r, err == nil && stat.IsDir() == t.file.Extract && r.isOf(stat)
}

// of returns the receipt of a certain file or folder.
func (r receipt) of(stat fs.FileInfo) receipt {
	r.Version, r.FileSize, r.Modified = journalVersion, stat.Size(), stat.ModTime().UnixNano()
	return r
}

func (r receipt) isOf(stat fs.FileInfo) bool {
	return stat.Size() == r.FileSize && stat.ModTime().UnixNano() == r.Modified
}

// prepare writes the receipt of what is about to be put at the destination, as
// far as that works.
func (t *Transfer) prepare(r receipt) error {
	b, _ := json.Marshal(r)
	return os.WriteFile(t.place.state(pendingSuffix), append(b, '\n'), 0o644) //nolint:gosec // another user may read it
}

// confirm makes a prepared receipt the one of the destination. Another process may
// have taken or replaced it, or have put its own file there. Without a receipt the
// next run has more to do, and the result is no less right.
func (t *Transfer) confirm(ctx context.Context, r receipt) {
	pending, final := t.place.state(pendingSuffix), t.place.state(receiptSuffix)
	_ = os.Rename(pending, final)
	if _, intact := t.readReceiptAt(final); intact {
		return
	}
	if stat := fileInfo(os.Stat(t.place.dest)); stat == nil || !r.isOf(stat) {
		return
	}
	err := t.prepare(r)
	if err = cmp.Or(err, os.Rename(pending, final)); err != nil {
		t.log.WarnContext(ctx, "no receipt written: the next run will look at the file again", "err", localError("write the receipt of", err))
	}
}

// there reports whether a file with the digest that is wanted is at the
// destination already: by its receipt, or by hashing it.
func (t *Transfer) there(ctx context.Context) (Result, bool, error) {
	if t.want == (Digest{}) {
		return Result{}, false, nil
	}
	t.enter(Checking)
	r, intact := t.readReceipt()
	if intact && !t.file.Verify && r.Digest == t.want.String() {
		return t.skipped(r.Size), true, nil
	}
	if t.file.Extract {
		return Result{}, false, nil
	}
	before := fileInfo(os.Stat(t.place.dest)) // what changes from now on is not vouched for
	got, size, err := hashFile(ctx, t.place.dest, t.want.Algorithm)
	if err != nil || got != t.want || before == nil {
		if ctx.Err() != nil {
			return Result{}, false, context.Cause(ctx)
		}
		return Result{}, false, nil // what cannot be read is fetched
	}
	t.confirm(ctx, receipt{Size: size, Digest: got.String(), Evidence: t.level.String()}.of(before))
	return t.skipped(size), true, nil
}

func (t *Transfer) skipped(size int64) Result {
	t.size.Store(size)
	t.present.Store(size)
	t.clean()
	if t.file.Mode != 0 {
		_ = os.Chmod(t.place.dest, t.file.Mode) // another user's file stays as it is
	}
	return Result{Path: t.place.dest, Source: t.Name(), Size: size, Digest: t.want, Evidence: t.level, Skipped: true}
}

// unchanged reports whether the first answer is of the version that is at the
// destination already.
func (a *attempt) unchanged(p *Part) (Result, bool) {
	if a.want != (Digest{}) || a.file.Verify || p.Tag == "" {
		return Result{}, false
	}
	r, intact := a.readReceipt()
	if !intact || r.Tag != p.Tag || r.Size != p.Size || r.Source != sourceID(a.source) {
		return Result{}, false
	}
	d, err := ParseDigest(r.Digest)
	evidence, known := evidenceNamed(r.Evidence)
	if err != nil || !known || evidence < a.file.Evidence {
		return Result{}, false
	}
	result := a.skipped(r.Size)
	result.Digest, result.Evidence = d, evidence
	return result, true
}

// hashFile returns the digest of a file. Its pages are not kept in memory for it.
func hashFile(ctx context.Context, path, algorithm string) (Digest, int64, error) {
	f, err := os.Open(filepath.Clean(path))
	if err != nil {
		return Digest{}, 0, err
	}
	defer func() { _ = f.Close() }()
	h := newHash(algorithm)
	n, err := io.CopyBuffer(h, struct{ io.Reader }{contextReader{ctx, f}}, make([]byte, bufferSize))
	return hexSum(algorithm, h), n, err
}
