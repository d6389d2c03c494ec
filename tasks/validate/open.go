package validate

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"syscall"

	"github.com/inith/inith/internal/bytesize"
	"github.com/inith/inith/internal/diag"
	"github.com/inith/inith/internal/document"
)

// How many bytes of a file are read to check its content. A parsed YAML file takes up to 150 times its size in
// memory.
const (
	maxContent = 8 << 20
	maxYAML    = 2 << 20
)

func (r *FileRule) maxContent() int {
	if r.format() == document.YAML {
		return maxYAML
	}
	return maxContent
}

// open runs the checks that need no content. It returns the content if a later check needs it; ok is false if it
// cannot be checked.
func (s *session) open(ctx context.Context, r FileRule) (data []byte, ok bool) {
	s.checked(r.Path, 1)
	var from io.Reader = bytes.NewReader(r.Content)
	size := int64(len(r.Content))
	if r.Content == nil {
		info, problem := look(r.Path)
		if problem != nil {
			s.add(problem)
			return nil, false
		}
		s.checkMode(r, info)
		s.checkReader(r)
		f, err := openFile(r.Path)
		if err == nil {
			defer f.Close() //nolint:errcheck // only read
		}
		from, size = opened{f, err}, info.Size()
	}
	s.checkSize(r, size)
	if size == 0 {
		return nil, false
	}
	data, problem, err := r.read(ctx, from, size)
	if err != nil {
		s.fail(err)
		return nil, false
	}
	if r.SHA256 != "" {
		s.checked(r.Path, 1)
	}
	if problem != nil {
		s.add(problem)
		return nil, false
	}
	return data, true
}

// openFile opens a file for reading. It does not block if a pipe has replaced the file in the meantime.
func openFile(path string) (*os.File, error) {
	return os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
}

// An opened is a file, or defers an open error to the first Read.
type opened struct {
	io.Reader
	err error
}

func (o opened) Read(b []byte) (int, error) {
	if o.err != nil {
		return 0, o.err
	}
	return o.Reader.Read(b)
}

// look finds a regular file, following symbolic links.
func look(path string) (fs.FileInfo, *diag.Error) {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return nil, missingFile(path, err)
	case info.IsDir():
		return nil, inFile(path, ruleNotRegular, "it is a directory", directoryHint)
	case !info.Mode().IsRegular():
		return nil, inFile(path, ruleNotRegular, "it is not a regular file", "it is a device, a pipe or a socket; check the path")
	}
	return info, nil
}

const directoryHint = "name a file in it; a directory in place of a file often comes from a subPath or hostPath that did not exist"

// missingFile says why a path cannot be found.
func missingFile(path string, err error) *diag.Error {
	p := inFile(path, ruleMissing, "the file is missing", "check that the ConfigMap or Secret is mounted there and has this key")
	link, linkErr := os.Lstat(path)
	isLink := linkErr == nil && link.Mode()&fs.ModeSymlink != 0
	switch {
	case errors.Is(err, syscall.ELOOP):
		p.Message, p.Hint = "it is a symbolic link that points to itself", ""
	case errors.Is(err, fs.ErrPermission):
		p.Code, p.Message = ruleUnreadable, "inith has no permission to search a directory in its path"
		p.Hint = fmt.Sprintf("inith runs as UID %d, GID %d", os.Getuid(), os.Getgid())
	case errors.Is(err, syscall.ENOTDIR):
		p.Message, p.Hint = "a part of its path is a file, not a directory", ""
	case !errors.Is(err, fs.ErrNotExist):
		p.Code, p.Message, p.Hint = ruleUnreadable, "it cannot be inspected: "+cause(err), ""
	case isLink:
		p.Message = "it is a dangling symbolic link"
		p.Hint = "check that its target is mounted in this container too"
	}
	return p
}

// cause returns the error of the kernel, without a path.
func cause(err error) string {
	if errno, ok := errors.AsType[syscall.Errno](err); ok {
		return errno.Error()
	}
	return "unknown cause"
}

func (s *session) checkMode(r FileRule, info fs.FileInfo) {
	if r.ModeMax == 0 {
		return
	}
	s.checked(r.Path, 1)
	if mode := info.Mode().Perm(); mode&^r.ModeMax != 0 {
		s.add(inFile(r.Path, ruleMode, fmt.Sprintf("its mode %04o is wider than %04o", mode, r.ModeMax),
			"in a Pod, set defaultMode of the volume"))
	}
}

func (s *session) checkReader(r FileRule) {
	if r.ReadableBy == nil {
		return
	}
	s.checked(r.Path, 1)
	why, err := r.ReadableBy.whyNotRead(r.Path)
	if err != nil {
		why = "the directories that lead to it cannot be inspected: " + cause(err)
	}
	if why != "" {
		s.add(inFile(r.Path, ruleReader, why,
			"in a Pod, fsGroup and defaultMode: 0440 let the application read it; give --readable-by the supplementary groups too"))
	}
}

func (s *session) checkSize(r FileRule, size int64) {
	if r.MinSize > 0 || r.MaxSize > 0 {
		s.checked(r.Path, 1)
	}
	switch {
	case size == 0 && !r.AllowEmpty:
		s.add(inFile(r.Path, ruleEmpty, "the file is empty", "check that the key of the ConfigMap or Secret has a value"))
	case size < r.MinSize:
		s.add(inFile(r.Path, ruleSize, fmt.Sprintf("its size is %s, less than %s", bytesize.Text(size), bytesize.Text(r.MinSize)), ""))
	case r.MaxSize > 0 && size > r.MaxSize:
		s.add(inFile(r.Path, ruleSize, fmt.Sprintf("its size is %s, more than %s", bytesize.Text(size), bytesize.Text(r.MaxSize)), ""))
	}
}

// read returns the content of the file, if a check needs it, and compares its digest. The error is the cause of ctx.
func (r *FileRule) read(ctx context.Context, from io.Reader, size int64) ([]byte, *diag.Error, error) {
	sum := sha256.New()
	most := r.maxContent()
	kept := &limited{most: most + 1}
	wanted := r.Secret != nil || r.format() != ""
	buffer := make([]byte, min(size, 256<<10)+1)
	for (wanted && len(kept.data) <= most) || r.SHA256 != "" {
		if ctx.Err() != nil {
			return nil, nil, context.Cause(ctx)
		}
		n, err := from.Read(buffer)
		_, _ = sum.Write(buffer[:n])
		kept.add(buffer[:n])
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, unreadable(r.Path, err), nil
		}
	}
	switch {
	case r.SHA256 != "" && hex.EncodeToString(sum.Sum(nil)) != r.SHA256:
		return nil, inFile(r.Path, ruleDigest, "its SHA-256 digest does not match", "check that it is complete and the intended version"), nil
	case wanted && len(kept.data) > most:
		return nil, inFile(r.Path, ruleTooLarge, "it has more than "+bytesize.Text(int64(most))+", too large to check its content",
			"check that this is a configuration file"), nil
	}
	return kept.data, nil, nil
}

func unreadable(path string, err error) *diag.Error {
	p := inFile(path, ruleUnreadable, "it cannot be read: "+cause(err), "")
	if errors.Is(err, fs.ErrPermission) {
		p.Message = "inith has no permission to read it"
		p.Hint = fmt.Sprintf("inith runs as UID %d, GID %d: in a Pod, fsGroup and defaultMode: 0440 let it read", os.Getuid(), os.Getgid())
	}
	return p
}

// A limited keeps the first bytes that it gets.
type limited struct {
	data []byte
	most int
}

func (l *limited) add(b []byte) { l.data = append(l.data, b[:min(len(b), l.most-len(l.data))]...) }
