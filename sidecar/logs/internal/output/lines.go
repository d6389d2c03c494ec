package output

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"time"
	"unicode/utf8"

	"github.com/cenkalti/backoff/v4"
	"github.com/tinylib/msgp/msgp"

	"github.com/inith/inith/internal/usererr"
)

// Lines writes each record as a line of JSON: {"time":...,"tag":...,"record":{...}}.
type Lines struct {
	W      io.Writer // nil: the file is opened for each chunk, so that it can be renamed at any time
	Path   string
	Logger *slog.Logger

	problem
}

// Run implements [Output].
func (l *Lines) Run(ctx context.Context, in <-chan *Chunk, delivered func(*Chunk)) {
	pause := backoff.NewExponentialBackOff(backoff.WithInitialInterval(500*time.Millisecond), backoff.WithMaxInterval(30*time.Second), backoff.WithMaxElapsedTime(0))
	for {
		var c *Chunk
		select {
		case c = <-in:
		case <-ctx.Done():
			return
		}
		text := appendLines(nil, c)
		logged := ""
		for {
			err := l.write(text)
			if err == nil {
				break
			}
			l.current.Store(&usererr.Error{Text: "file " + l.Path + ": " + usererr.Local(err).Text})
			if reason := usererr.Local(err).Text; reason != logged {
				logged = reason
				l.Logger.WarnContext(ctx, "not written, trying again", "path", l.Path, "err", reason)
			}
			if sleep(ctx, pause.NextBackOff()); ctx.Err() != nil {
				return
			}
		}
		pause.Reset()
		l.current.Store(nil)
		delivered(c)
	}
}

// write writes all of text, or nothing.
func (l *Lines) write(text []byte) error {
	if l.W != nil {
		_, err := l.W.Write(text)
		return err
	}
	f, err := os.OpenFile(filepath.Clean(l.Path), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o640) //nolint:gosec // a log is read by a group
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	before, err := f.Seek(0, io.SeekEnd)
	if err != nil {
		return err
	}
	if _, err := f.Write(text); err != nil {
		_ = f.Truncate(before)
		return err
	}
	return f.Close()
}

// appendLines appends the records of a chunk.
func appendLines(dst []byte, c *Chunk) []byte {
	var b bytes.Buffer
	for rest := c.Entries; len(rest) > 0; {
		at, record, after, err := split(rest)
		if err != nil {
			break // we made it
		}
		dst = append(dst, `{"time":"`...)
		dst = at.UTC().AppendFormat(dst, time.RFC3339Nano)
		dst = append(dst, `","tag":`...)
		tag, _ := json.Marshal(c.Tag)
		dst = append(append(dst, tag...), `,"record":`...)
		b.Reset()
		if _, err := msgp.UnmarshalAsJSON(&b, record); err != nil {
			b.WriteString("null")
		}
		dst = append(dst, bytes.ToValidUTF8(b.Bytes(), []byte(string(utf8.RuneError)))...)
		dst = append(dst, '}', '\n')
		rest = after
	}
	return dst
}

// split takes an entry apart.
func split(entry []byte) (at time.Time, record, rest []byte, err error) {
	_, b, err := msgp.ReadArrayHeaderBytes(entry)
	if err != nil {
		return at, nil, nil, err
	}
	var t EventTime
	if b, err = msgp.ReadExtensionBytes(b, &t); err != nil {
		return at, nil, nil, err
	}
	rest, err = msgp.Skip(b)
	return t.Time, b[:len(b)-len(rest)], rest, err
}
