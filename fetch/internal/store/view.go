package store

import (
	"context"
	"hash"
	"io"
	"os"
	"path"
	"slices"

	"github.com/inith/inith/internal/usererr"
)

// A View is a directory of files as it is. They are reached without following links.
type View struct{ root *directory }

// View returns what is at the destination. It must be closed. There is nothing in the view of what is no
// directory, or cannot be read.
func (d *Destination) View() *View {
	if d.parent == nil {
		return &View{}
	}
	root, err := d.parent.sub(d.name)
	if err != nil {
		return &View{}
	}
	return &View{root}
}

// View returns what is in the stage. It needs no closing.
func (s *Stage) View() *View { return &View{s.root} }

// Close closes the view.
func (v *View) Close() { v.root.close() }

// Identity returns that of a regular file, the zero Identity for anything else.
func (v *View) Identity(name string) Identity {
	if v.root == nil {
		return Identity{}
	}
	return identityIn(v.root, name)
}

// Hash hashes a file, and returns which file that was.
func (v *View) Hash(ctx context.Context, name string, to ...hash.Hash) (Identity, error) {
	if v.root == nil {
		return Identity{}, os.ErrNotExist
	}
	parent, err := v.root.descend(path.Dir(name), (*directory).sub)
	if err != nil {
		return Identity{}, err
	}
	defer parent.close()
	f, err := parent.open(path.Base(name), os.O_RDONLY, 0)
	if err != nil {
		return Identity{}, err
	}
	defer func() { _ = f.Close() }()
	return hashFile(ctx, f, to...)
}

// hashFile hashes an open file, which nobody may change meanwhile.
func hashFile(ctx context.Context, f *os.File, to ...hash.Hash) (Identity, error) {
	before, err := statOf(f)
	if err != nil || !before.regular() {
		return Identity{}, errForeign
	}
	const bufferSize = 128 << 10
	var all []io.Writer
	for _, h := range to {
		all = append(all, h)
	}
	_, err = io.CopyBuffer(struct{ io.Writer }{io.MultiWriter(all...)}, struct{ io.Reader }{contextReader{ctx, f}}, make([]byte, bufferSize))
	if err != nil {
		return Identity{}, err
	}
	if identityOf(f) != before.identity() {
		return Identity{}, &usererr.Error{Text: errTouched.Error(), Err: errTouched}
	}
	return before.identity(), nil
}

// Others returns the paths of what is in the directory besides the wanted files, in their order. A directory
// without any of these is one path, with a slash at its end. What inith keeps there does not count.
func (v *View) Others(wanted map[string]bool) []string {
	if v.root == nil {
		return nil
	}
	above := map[string]bool{}
	for name := range wanted {
		for at := path.Dir(name); at != "." && !above[at]; at = path.Dir(at) {
			above[at] = true
		}
	}
	var all []string
	v.root.others("", wanted, above, func(name string) { all = append(all, name) })
	slices.Sort(all)
	return all
}

// others calls found for what is below d besides the wanted files, and above them.
func (d *directory) others(at string, wanted, above map[string]bool, found func(name string)) {
	for _, name := range d.names() {
		full := path.Join(at, name)
		info, err := d.lstat(name)
		switch {
		case err != nil, at == "" && (name == sharedName || name == "lost+found"):
		case info.directory() && above[full]:
			if below, err := d.sub(name); err == nil {
				below.others(full, wanted, above, found)
				below.close()
			}
		case info.directory():
			found(full + "/")
		case !wanted[full]:
			found(full)
		}
	}
}
