// Package archive extracts archives whose authors need not be trusted.
//
// [Extract] is all of it. Whatever the archive holds, nothing is written
// outside of the directory it is given, nothing there is replaced, and what it
// takes is bounded: memory by what a zstd window and a piece of a zip directory
// take, time by ctx, disk by [Limits].
package archive

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"strconv"
	"strings"

	"github.com/klauspost/compress/zstd"

	"github.com/inith/inith/internal/redact"
)

// Defaults of [Limits].
const (
	DefaultEntries = 1_000_000
	DefaultRatio   = 100

	// FreeBytes is what an archive may unpack to whatever the ratio, so that
	// small files that compress well pass.
	FreeBytes = 64 << 20
)

var (
	// ErrFormat is wrapped by the error for an archive that is damaged, cut
	// short, followed by something else, or of a kind that is not known.
	ErrFormat = errors.New("not a valid archive")

	// ErrLimit is wrapped by the error for an archive that is over a limit.
	ErrLimit = errors.New("the archive is over a limit")
)

// An EntryError says why an entry of a well-formed archive is refused.
type EntryError struct {
	Entry  string // its name, cut and without control characters
	Reason string
}

func (e *EntryError) Error() string {
	return "entry " + strconv.Quote(e.Entry) + ": " + e.Reason
}

// Limits bound what an archive may unpack to.
type Limits struct {
	Entries int     // files, directories and links, those directories included that only a path implies; zero: [DefaultEntries]
	Bytes   int64   // in all files together; zero: as many as Ratio allows
	Ratio   float64 // bytes unpacked for each byte of the archive, once over [FreeBytes]; zero: [DefaultRatio]
}

// A Summary says what was extracted.
type Summary struct {
	Format  string // as in "tar.gz"
	Entries int    // files, directories and links
	Bytes   int64  // in all files together
}

// Extract writes what the archive in file holds to root, which must be empty,
// and returns when it is on the disk: the directory may be renamed then. That last
// wait does not end with ctx. After an error the caller removes what is there.
//
// The first bytes of the file tell what it is: tar, tar.gz, tar.zst or zip, see [Detect].
//
// Files keep their time and whether they may be executed; all else about
// permissions and owners is this process's umask and identity. Links that
// could lead out of root, anything that is neither file, directory nor link, and a
// duplicate path are refused. Errors are an [*EntryError], wrap
// [ErrFormat] or [ErrLimit], are the cause of ctx, or come from the system.
func Extract(ctx context.Context, file *os.File, name string, root *os.Root, limits Limits) (Summary, error) {
	info, err := file.Stat()
	if err != nil {
		return Summary{}, err
	}
	first, err := head(file)
	if err != nil {
		return Summary{}, err
	}
	f, err := detect(first, name)
	if err != nil {
		return Summary{}, fmt.Errorf("extract: %w", err)
	}
	t := newTree(root, limits, info.Size())
	defer t.close()
	err = f.extract(ctx, io.NewSectionReader(file, 0, info.Size()), t)
	if err == nil {
		err = t.makeDetours(ctx)
	}
	if err == nil {
		err = persist(root)
	}
	if ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	if err != nil {
		return Summary{}, fmt.Errorf("extract %s: %w", f.name, err)
	}
	return Summary{Format: f.name, Entries: t.entries, Bytes: t.bytes}, nil
}

// A budget is what is left of [Limits].
type budget struct {
	entries, maxEntries int
	bytes, maxBytes     int64
	unpacked            int64 // the most bytes that may come out of a decompressor
}

func newBudget(limits Limits, size int64) budget {
	unpacked := int64(math.MaxInt64)
	if most := cmp.Or(limits.Ratio, DefaultRatio) * float64(size); most < math.MaxInt64 {
		unpacked = max(int64(most), FreeBytes)
	}
	return budget{
		maxEntries: cmp.Or(limits.Entries, DefaultEntries),
		maxBytes:   min(cmp.Or(limits.Bytes, unpacked), unpacked),
		unpacked:   unpacked,
	}
}

func (b *budget) addEntry() error {
	if b.entries >= b.maxEntries {
		return b.tooMany()
	}
	b.entries++
	return nil
}

func (b *budget) tooMany() error {
	return fmt.Errorf("%w: it has more than %d entries", ErrLimit, b.maxEntries)
}

func (b *budget) addBytes(n int64) error {
	if n < 0 || n > b.maxBytes-b.bytes {
		return tooLarge(b.maxBytes)
	}
	b.bytes += n
	return nil
}

func tooLarge(limit int64) error {
	return fmt.Errorf("%w: it unpacks to more than %d bytes", ErrLimit, limit)
}

// refuse returns an [*EntryError] for the entry with this name.
func refuse(name, format string, args ...any) error {
	return &EntryError{Entry: shown(name), Reason: fmt.Sprintf(format, args...)}
}

// within adds the name of the entry to an error, unless it is there already.
func within(name string, err error) error {
	if _, ok := errors.AsType[*EntryError](err); ok || err == nil {
		return err
	}
	return fmt.Errorf("entry %q: %w", shown(name), bare(err))
}

// shown returns of a name what may be shown.
func shown(name string) string {
	const most = 100
	runes := []rune(redact.Line(strings.ToValidUTF8(name, "�")))
	if len(runes) > most {
		return string(runes[:most-1]) + "…"
	}
	return string(runes)
}

// bare returns what the system said, without the path, which is not fit to be
// shown.
func bare(err error) error {
	if e, ok := errors.AsType[*fs.PathError](err); ok {
		return e.Err
	}
	if e, ok := errors.AsType[*os.LinkError](err); ok {
		return e.Err
	}
	return err
}

// damaged makes an error of a reader of archives or of what is compressed one
// that wraps [ErrFormat]. Others, those of the system, stay what they are.
func damaged(err error) error {
	_, system := errors.AsType[*fs.PathError](err)
	switch {
	case err == nil, system, errors.Is(err, ErrFormat), errors.Is(err, ErrLimit),
		errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return err
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return fmt.Errorf("%w: it was cut short; get it again", ErrFormat)
	case errors.Is(err, zstd.ErrWindowSizeExceeded), errors.Is(err, zstd.ErrDecoderSizeExceeded): // of a frame that is its own window
		return errWindow()
	default:
		return fmt.Errorf("%w: %w", ErrFormat, err)
	}
}

type readerFunc func(p []byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

// bound returns a reader that fails when ctx has ended.
func bound(ctx context.Context, r io.Reader) io.Reader {
	return readerFunc(func(p []byte) (int, error) {
		if err := ctx.Err(); err != nil {
			return 0, err
		}
		return r.Read(p)
	})
}
