package render

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/inith/inith/internal/usererr"
)

// withoutSuffix removes the extension of templates, as their destination has none. The second one is nginx's.
func withoutSuffix(name string) string {
	for _, suffix := range []string{".tmpl", ".template"} {
		if stem, ok := strings.CutSuffix(name, suffix); ok {
			return stem
		}
	}
	return name
}

// An input is a source file that was read, and its destination.
type input struct {
	path, dest string // dest "-" is the standard output
	text       string
	mode       fs.FileMode
	plain      bool // to be copied
}

// inputs reads a source.
func (r *Renderer) inputs(ctx context.Context, path, dest string) ([]input, error) {
	if path == "-" {
		return r.stdin(ctx, dest)
	}
	info, err := os.Stat(path)
	if err != nil {
		return nil, unreadable(path, err)
	}
	if info.IsDir() {
		return directory(path, dest)
	}
	in := input{path: path, dest: dest, mode: newMode(info)}
	in.text, err = readFile(path, info)
	if err != nil {
		return nil, err
	}
	if dest == "-" {
		return []input{in}, nil
	}
	in.dest = destination(path, dest)
	if there, err := os.Stat(in.dest); err == nil && os.SameFile(info, there) {
		return nil, fmt.Errorf("%s: SRC and DEST are the same file", path)
	}
	return []input{in}, canReplace(in.dest)
}

func (r *Renderer) stdin(ctx context.Context, dest string) ([]input, error) {
	if isDirectory(dest) {
		return nil, errors.New("standard input has no name: DEST must be a file")
	}
	text, err := readAll(ctx, r.Stdin)
	in := []input{{path: "stdin", dest: dest, text: text, mode: 0o644}}
	if err != nil || dest == "-" {
		return in, err
	}
	return in, canReplace(dest)
}

// readAll reads until the end or until ctx is done. A blocked read of a terminal is then abandoned, because the
// process exits.
func readAll(ctx context.Context, r io.Reader) (string, error) {
	type read struct {
		b   []byte
		err error
	}
	done := make(chan read, 1)
	go func() {
		b, err := io.ReadAll(io.LimitReader(r, maxInput+1))
		done <- read{b, err}
	}()
	select {
	case <-ctx.Done():
		return "", context.Cause(ctx)
	case all := <-done:
		if all.err == nil && len(all.b) > maxInput {
			return "", tooLarge("stdin")
		}
		if all.err != nil {
			return "", unreadable("stdin", all.err)
		}
		return string(all.b), nil
	}
}

// directory reads a directory: templates, and other files to copy.
func directory(path, dest string) ([]input, error) {
	if dest == "-" {
		return nil, fmt.Errorf("%s is a directory: DEST must be a directory too, not standard output", path)
	}
	if info, err := os.Stat(dest); err == nil && !info.IsDir() {
		return nil, fmt.Errorf("%s is a directory, but DEST is not", path)
	}
	if within(path, dest) {
		return nil, fmt.Errorf("DEST is in %s: the next run would take the results for sources", path)
	}
	w := &walk{root: path, dest: dest, taken: map[string]bool{}}
	if err := w.directory("", 0); err != nil {
		return nil, err
	}
	if !slices.ContainsFunc(w.inputs, func(in input) bool { return !in.plain }) {
		return nil, fmt.Errorf("%s: no name of a file in it ends in .tmpl or .template: there is nothing to render", path)
	}
	return w.inputs, nil
}

// within reports whether a destination is inside a source directory.
func within(dir, dest string) bool {
	dir, dest = realPath(dir), realPath(dest)
	rel, err := filepath.Rel(dir, dest)
	return err == nil && rel != ".." && !strings.HasPrefix(rel, ".."+string(filepath.Separator))
}

// realPath resolves the symbolic links of a path, as far as it exists.
func realPath(path string) string {
	path, err := filepath.Abs(path)
	if err != nil {
		return path
	}
	if direct, err := filepath.EvalSymlinks(path); err == nil {
		return direct
	}
	if parent := filepath.Dir(path); parent != path {
		return filepath.Join(realPath(parent), filepath.Base(path))
	}
	return path
}

// A walk goes through a directory.
type walk struct {
	root, dest string
	inputs     []input
	taken      map[string]bool // destinations
	size       int64
}

// directory goes through one directory. A mounted ConfigMap has its files behind links,
// and behind "..data" once more: links are followed, and names with two dots are not.
func (w *walk) directory(rel string, depth int) error {
	const deepest = 32 // a link may lead back up
	if depth > deepest {
		return fmt.Errorf("%s: more than %d directories deep", w.root, deepest)
	}
	entries, err := os.ReadDir(filepath.Join(w.root, rel))
	if err != nil {
		return unreadable(filepath.Join(w.root, rel), err)
	}
	for _, e := range entries {
		name := filepath.Join(rel, e.Name())
		if strings.HasPrefix(e.Name(), "..") {
			continue
		}
		info, err := os.Stat(filepath.Join(w.root, name))
		if err != nil {
			return unreadable(filepath.Join(w.root, name), err)
		}
		if info.IsDir() {
			err = w.directory(name, depth+1)
		} else {
			err = w.file(name, info)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (w *walk) file(rel string, info fs.FileInfo) error {
	path, name := filepath.Join(w.root, rel), withoutSuffix(rel)
	in := input{path: path, dest: filepath.Join(w.dest, name), mode: newMode(info), plain: name == rel}
	if withoutSuffix(filepath.Base(rel)) == "" {
		return fmt.Errorf("%s: the name before its extension is empty", path)
	}
	if w.taken[in.dest] {
		return fmt.Errorf("%s: another source has the same destination", path)
	}
	w.taken[in.dest] = true
	var err error
	in.text, err = readFile(path, info)
	if err != nil {
		return err
	}
	w.size += int64(len(in.text))
	if w.size > maxOutput {
		return fmt.Errorf("%s has more than 64 MiB", w.root)
	}
	w.inputs = append(w.inputs, in)
	return canReplace(in.dest)
}

// newMode returns the mode of a new result. Scripts stay executable.
func newMode(info fs.FileInfo) fs.FileMode { return 0o644 | info.Mode()&0o111 }

// readFile reads a regular file. A pipe might never end.
func readFile(path string, info fs.FileInfo) (string, error) {
	if !info.Mode().IsRegular() {
		return "", fmt.Errorf("%s is not a regular file", path)
	}
	if info.Size() > maxInput {
		return "", tooLarge(path)
	}
	b, err := os.ReadFile(filepath.Clean(path))
	if err != nil {
		return "", unreadable(path, err)
	}
	return string(b), nil
}

func tooLarge(path string) error { return fmt.Errorf("%s is larger than 8 MiB", path) }

func unreadable(path string, err error) error {
	text := "cannot be read"
	switch {
	case errors.Is(err, fs.ErrNotExist):
		text = "does not exist"
	case errors.Is(err, fs.ErrPermission):
		text = "cannot be read: permission denied"
	}
	return &usererr.Error{Text: path + " " + text, Hint: "check that the ConfigMap or volume is mounted there and readable by this user", Err: err}
}

// readSecret returns the content of a file, without the final newline. Errors name it by what, because its path may
// be a secret in the wrong place.
func readSecret(what, path string) (string, error) {
	fail := func(text string, err error) error {
		return &usererr.Error{Text: what + " " + text, Hint: "check that the Secret is mounted there and readable by this user", Err: err}
	}
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "", fail("does not exist", err)
	case err != nil:
		return "", fail("cannot be read", err)
	case !info.Mode().IsRegular():
		return "", fail("is not a regular file", nil)
	case info.Size() > maxInput:
		return "", fail("is larger than 8 MiB", nil)
	}
	b, err := os.ReadFile(filepath.Clean(path))
	if err != nil {
		return "", fail("cannot be read", err)
	}
	return strings.TrimRight(string(b), "\r\n"), nil
}

func isAbsent(err error) bool { return errors.Is(err, fs.ErrNotExist) }
