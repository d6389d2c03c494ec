package ledger

import (
	"compress/gzip"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/inith/inith/internal/atomicfile"
)

// closedName returns the name of a file that begins with the line first: its order is that of the sequence numbers.
func closedName(path string, first int64, now time.Time) string {
	ext := filepath.Ext(path)
	return fmt.Sprintf("%s-%012d-%s%s", strings.TrimSuffix(path, ext), first, now.UTC().Format("20060102T150405Z"), ext)
}

// closedFiles returns the closed files of a log, the oldest first.
func closedFiles(path string) []string {
	ext := filepath.Ext(path)
	prefix := filepath.Base(strings.TrimSuffix(path, ext)) + "-"
	entries, _ := os.ReadDir(filepath.Dir(path))
	var names []string
	for _, e := range entries {
		rest, ok := strings.CutPrefix(e.Name(), prefix)
		stamp, _ := strings.CutSuffix(strings.TrimSuffix(rest, ".gz"), ext)
		if ok && e.Type().IsRegular() && isStamp(stamp) {
			names = append(names, filepath.Join(filepath.Dir(path), e.Name()))
		}
	}
	slices.Sort(names)
	return names
}

// isStamp reports whether a string is what closedName puts between name and extension.
func isStamp(s string) bool {
	number, stamp, ok := strings.Cut(s, "-")
	_, err := time.Parse("20060102T150405Z", stamp)
	return ok && err == nil && len(number) >= 12 && strings.Trim(number, "0123456789") == ""
}

// tidy compresses closed files, and removes those that are too many. Nothing else writes them. It takes its time until hurry
// is closed.
func (o *Options) tidy(hurry <-chan struct{}) {
	for _, name := range closedFiles(o.Path) {
		if strings.HasSuffix(name, ".gz") {
			continue
		}
		if err := compress(name, hurry); err != nil {
			o.log().Warn("closed log not compressed", "path", name, "err", err)
		}
	}
	if o.Keep == 0 {
		return
	}
	all := closedFiles(o.Path)
	for _, name := range all[:max(0, len(all)-o.Keep)] {
		if err := os.Remove(name); err != nil {
			o.log().Warn("old log not removed", "path", name, "err", err)
		}
	}
}

// compress replaces a file by one with gzip. Killed in between, it leaves both or the old one.
func compress(path string, hurry <-chan struct{}) error {
	in, err := os.Open(filepath.Clean(path))
	if err != nil {
		return err
	}
	defer func() { _ = in.Close() }()
	out, err := atomicfile.Create(path+".gz", fileMode)
	if err != nil {
		return err
	}
	z, err := gzip.NewWriterLevel(out, gzip.BestSpeed) // the application needs the CPU
	if err != nil {
		out.Discard()
		return err
	}
	_, err = io.Copy(z, &paced{in: in, hurry: hurry, began: time.Now()})
	if closeErr := z.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		out.Discard()
		return err
	}
	if err := out.Commit(); err != nil {
		return err
	}
	return os.Remove(path)
}

// A paced reader has its reader work a quarter of the time: whole time slices would delay the requests that arrive meanwhile.
type paced struct {
	in    io.Reader
	hurry <-chan struct{} // closed: at once
	began time.Time       // when what was read last was
}

func (p *paced) Read(b []byte) (int, error) {
	const rest, longest = 3, 100 * time.Millisecond
	select {
	case <-time.After(min(rest*time.Since(p.began), longest)):
	case <-p.hurry:
	}
	p.began = time.Now()
	return p.in.Read(b)
}

// lastChain returns the end of the newest closed file, the origin if there is none.
func lastChain(path string) chain {
	all := closedFiles(path)
	for _, name := range slices.Backward(all) {
		last := origin()
		err := eachLine(name, func(_ int, line []byte, whole bool) error {
			if h, err := readHead(line); err == nil && whole {
				last = chain{h.Seq, h.hash}
			}
			return nil
		})
		if err == nil && last.seq > 0 {
			return last
		}
	}
	return origin()
}

// renameNew renames a file, and replaces none.
func renameNew(from, to string) error {
	if err := os.Link(from, to); err != nil {
		return err
	}
	return os.Remove(from)
}
