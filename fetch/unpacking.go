package fetch

import (
	"archive/tar"
	"context"
	"crypto/sha256"
	"fmt"
	"hash"
	"io"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/inith/inith/fetch/archive"
	"github.com/inith/inith/fetch/internal/store"
	"github.com/inith/inith/fetch/source"
	"github.com/inith/inith/internal/usererr"
)

// Whiteouts say in a layer what it removes of those below it: a file or a directory, or all that a directory has
// (https://github.com/opencontainers/image-spec/blob/v1.1.1/layer.md#whiteouts).
const (
	whiteout       = ".wh."
	opaqueWhiteout = ".wh..wh..opq"
)

// An unpacking is what comes of layers, the topmost first: so nothing that was written is ever removed or replaced.
type unpacking struct {
	*directory
	stage *store.Stage

	layer   *source.Layer        // that is being unpacked
	entries map[string]*unpacked // by path in the archives, of all layers so far
	hides   map[string]bool      // paths of which lower layers count nothing; true: the path itself may be a directory of theirs
	own     map[string]bool      // the same, of this layer
}

// An unpacked entry is a file, a link or a directory.
type unpacked struct {
	layer      int
	directory  bool
	target     string // of a link, as a path in the archives; "": it is none
	hard       bool
	executable bool
	wanted     bool
	sum        hash.Hash // of a file that is in the stage; nil: it is not
	size       int64
}

func newUnpacking(d *directory, stage *store.Stage) *unpacking {
	return &unpacking{directory: d, stage: stage, entries: map[string]*unpacked{}, hides: map[string]bool{}}
}

// unpack puts what a layer has, and those above it do not hide, into the stage.
func (u *unpacking) unpack(ctx context.Context, m *member) error {
	f, err := u.stage.Open(m.Name)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	u.layer, u.own = m.Layer, map[string]bool{}
	err = archive.Walk(ctx, f, archive.Limits{}, func(h *tar.Header, content io.Reader) error { return u.visit(ctx, h, content) })
	maps.Copy(u.hides, u.own)
	return err
}

// visit looks at an entry of the layer.
func (u *unpacking) visit(ctx context.Context, h *tar.Header, content io.Reader) error {
	name := path.Clean("/" + h.Name)[1:]
	switch {
	case strings.ContainsRune(h.Name, 0) || slices.Contains(strings.Split(h.Name, "/"), ".."):
		return &archive.EntryError{Entry: shownName(h.Name), Reason: `its name has a ".." or a NUL`}
	case u.layer.Image && strings.HasPrefix(path.Base(name), whiteout):
		return u.remove(name)
	case !within(u.layer.Below, name) || u.hidden(name):
		return nil
	case len(u.entries) >= mostUnpacked:
		return tooManyUnpacked()
	}
	switch h.Typeflag {
	case tar.TypeDir:
		if u.entries[name] == nil {
			u.entries[name] = &unpacked{layer: u.layer.Order, directory: true}
		}
		return nil
	case tar.TypeReg, tar.TypeGNUSparse, tar.TypeCont:
		return u.put(ctx, name, h, content)
	case tar.TypeSymlink:
		return u.addLink(name, symlinkTarget(name, h.Linkname), false)
	case tar.TypeLink:
		return u.addLink(name, path.Clean("/" + h.Linkname)[1:], true)
	case tar.TypeXGlobalHeader:
		return nil
	default:
		return &archive.EntryError{Entry: shownName(h.Name), Reason: "it is a device or a pipe; only files, directories and links are extracted"}
	}
}

// within reports whether a path is below a directory, "" for all.
func within(directory, name string) bool {
	return name != "" && (directory == "" || strings.HasPrefix(name, directory+"/"))
}

func shownName(name string) string {
	return fmt.Sprintf("%.100s", strings.Trim(fmt.Sprintf("%q", name), `"`))
}

// symlinkTarget returns where a symbolic link leads, as a path in the archives.
func symlinkTarget(name, target string) string {
	if path.IsAbs(target) {
		return path.Clean(target)[1:]
	}
	return path.Clean("/" + path.Join(path.Dir(name), target))[1:]
}

// remove keeps in mind what a whiteout removes of the layers below.
func (u *unpacking) remove(name string) error {
	directory, base := path.Dir(name), path.Base(name)
	removed, opaque := directory, base == opaqueWhiteout
	if !opaque {
		removed = path.Join(directory, strings.TrimPrefix(base, whiteout))
	}
	switch below := u.layer.Below; {
	case removed != "." && removed != below && !within(below, removed) && !within(removed, below):
		return nil // of another directory than the one that counts
	case len(u.own) >= mostUnpacked:
		return tooManyUnpacked()
	}
	u.own[removed] = opaque
	return nil
}

// mostUnpacked is how many entries of layers may count, and how many whiteouts of one.
const mostUnpacked = 100_000

func tooManyUnpacked() error {
	return source.Permanent(&usererr.Error{
		Text: fmt.Sprintf("the layers have more than %d files", mostUnpacked), Hint: "Fetch a directory of them, with a slash at the end of the URL.",
	})
}

// hidden reports whether a layer above has something else at a path, or at one that leads there, or has removed it.
func (u *unpacking) hidden(name string) bool {
	if e := u.entries[name]; e != nil && e.layer != u.layer.Order && !e.directory {
		return true
	}
	if opaque, removed := u.hides[name]; removed && !opaque {
		return true
	}
	for at := path.Dir(name); ; at = path.Dir(at) {
		if _, removed := u.hides[at]; removed {
			return true
		}
		if e := u.entries[at]; e != nil && e.layer != u.layer.Order && !e.directory {
			return true
		}
		if at == "." {
			return false
		}
	}
}

// add adds a file or a link, of which a directory above takes the place. What has the same path in the same layer is a
// duplicate.
func (u *unpacking) add(name string, e *unpacked) (added bool, err error) {
	if known := u.entries[name]; known != nil {
		if known.layer != u.layer.Order {
			return false, nil
		}
		return false, &archive.EntryError{Entry: shownName(name), Reason: "its path is a duplicate"}
	}
	if why := badName(u.relative(name)); why != "" {
		return false, refusedName(u.relative(name), why)
	}
	e.layer, e.wanted = u.layer.Order, u.file.wants(u.relative(name))
	u.entries[name] = e
	for at := path.Dir(name); at != "."; at = path.Dir(at) {
		switch above := u.entries[at]; {
		case above == nil:
			u.entries[at] = &unpacked{layer: u.layer.Order, directory: true}
		case !above.directory:
			return false, &archive.EntryError{Entry: shownName(name), Reason: "a link or a file is where it needs a directory"}
		}
	}
	return true, nil
}

// relative returns the path of a file in the directory that the URL means.
func (u *unpacking) relative(name string) string {
	if u.layer.Below == "" {
		return name
	}
	return strings.TrimPrefix(name, u.layer.Below+"/")
}

// put writes a file to the stage, if it is wanted.
func (u *unpacking) put(ctx context.Context, name string, h *tar.Header, content io.Reader) error {
	e := &unpacked{size: h.Size, executable: h.Mode&0o111 != 0}
	added, err := u.add(name, e)
	if err != nil || !added || !e.wanted {
		return err
	}
	if most := u.fetcher.MaxSize; most > 0 && h.Size > most {
		return &archive.EntryError{Entry: shownName(h.Name), Reason: fmt.Sprintf("it has %d bytes, and --max-size is %d", h.Size, most)}
	}
	e.sum = sha256.New()
	p := u.placed(name, e)
	p.Content = io.TeeReader(content, e.sum)
	return u.stage.Put(ctx, p)
}

func (u *unpacking) placed(name string, e *unpacked) store.Put {
	return store.Put{Name: u.relative(name), Executable: e.executable, Mode: u.file.Mode, Drop: u.fetcher.rooms().store.Drops(e.size)}
}

func (u *unpacking) addLink(name, target string, hard bool) error {
	_, err := u.add(name, &unpacked{target: target, hard: hard})
	return err
}

// link makes the links that are wanted second names of the files that they lead to: these need no link in the directory, and
// follow it wherever it goes.
func (u *unpacking) link(ctx context.Context) error {
	for _, name := range slices.Sorted(maps.Keys(u.entries)) {
		e := u.entries[name]
		if e.target == "" || !e.wanted {
			continue
		}
		at, file := u.follow(e)
		if file == nil || file.sum == nil {
			return source.Permanent(&usererr.Error{
				Text: fmt.Sprintf("%q is a link to %q, which is not a file that is fetched", u.relative(name), e.target),
				Hint: "Leave it out: --exclude '" + u.relative(name) + "'. Links to directories, and out of the model, are not supported.",
			})
		}
		e.executable, e.size = file.executable, file.size
		if err := u.stage.Link(ctx, u.relative(at), u.placed(name, e)); err != nil {
			return err
		}
		e.sum = file.sum
	}
	return nil
}

// follow returns the file that a link leads to, nil if there is none. A hard link is of the layers up to its own.
func (u *unpacking) follow(e *unpacked) (name string, file *unpacked) {
	const most = 40
	for range most {
		next := u.entries[e.target]
		if next == nil || next.directory || e.hard && next.layer > e.layer {
			return "", nil
		}
		if next.target == "" {
			return e.target, next
		}
		e = next
	}
	return "", nil
}

// members returns the files that are in the stage now, without their identities there.
func (u *unpacking) members() ([]*member, error) {
	var objects []source.Object
	for name, e := range u.entries {
		if e.sum == nil {
			continue
		}
		sum := source.NewDigest("sha256", e.sum)
		objects = append(objects, source.Object{
			Name: u.relative(name), Size: e.size, Digests: []Digest{sum}, Validator: sum.String(), Addressed: true,
		})
	}
	if err := u.checkFound(objects); err != nil {
		return nil, err
	}
	var members []*member
	for _, o := range objects {
		members = append(members, &member{Object: o, unpacked: true})
	}
	return members, nil
}

// checkFound reports layers without a file that is wanted, and names that files cannot have beside the others.
func (u *unpacking) checkFound(objects []source.Object) error {
	all := slices.Clone(objects)
	for _, m := range u.files {
		if m.Layer == nil {
			all = append(all, m.Object)
		}
	}
	if len(all) > 0 {
		return checkNames(all)
	}
	where := "it"
	if u.layer.Below != "" {
		where = "/" + u.layer.Below
	}
	return source.Permanent(&usererr.Error{
		Text: fmt.Sprintf("there are no files in %s of the layers that are selected", where),
		Hint: "An image must have its model below /models. Check the patterns of --include and --exclude too.",
	})
}
