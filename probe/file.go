package probe

import (
	"context"
	"errors"
	"os"
	"strings"
	"syscall"

	"github.com/inith/inith/internal/bytesize"
	"github.com/inith/inith/internal/target"
	"github.com/inith/inith/internal/usererr"
)

// fileOptions are those of file:///path.
type fileOptions struct{ minSize int64 }

func (o *fileOptions) keys() []target.Key {
	return []target.Key{{
		Name: "min-size", State: true, Usage: "ready when the file has at least this size, such as 1 or 10MiB",
		Set: func(value string) (err error) {
			if strings.Trim(value, "0123456789") == "" {
				value += "B"
			}
			if o.minSize, err = bytesize.Parse(value); err != nil {
				return errors.New("not a size such as 1 or 10MiB")
			}
			return nil
		},
	}}
}

func (*fileOptions) level(*spec) Level { return LevelState }

func (o *fileOptions) open(s *spec) (Prober, error) {
	if s.url.Host != "" || s.url.Path == "" || s.url.RawQuery != "" {
		return nil, errors.New("want an absolute path with three slashes, as in file:///data/model.bin")
	}
	return &file{path: s.url.Path, minSize: o.minSize}, nil
}

// file is ready when something exists at a path, and is large enough.
type file struct {
	path    string
	minSize int64 // bytes, 0 if anything will do
}

func (p *file) Probe(context.Context) error {
	info, err := os.Stat(p.path)
	switch {
	case errors.Is(err, os.ErrNotExist), errors.Is(err, syscall.ENOTDIR):
		return &usererr.Error{Text: "the file does not exist (yet)", Hint: "check that the volume is mounted, and that what writes the file has run", Err: errAbsent}
	case err != nil:
		return usererr.Local(err)
	case p.minSize > 0 && info.IsDir():
		return &usererr.Error{Text: "a directory, not a file"}
	case info.Size() < p.minSize:
		return &usererr.Error{Text: "the file is smaller than min-size"}
	}
	return nil
}
