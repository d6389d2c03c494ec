package fetch

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/inith/inith/fetch/internal/store"
	"github.com/inith/inith/fetch/source"
	"github.com/inith/inith/internal/usererr"
)

// sumsName is the file that has the digests of all others of a directory.
const sumsName = "SHA256SUMS"

// sums returns the digests of all files, as sha256sum writes them.
func (d *directory) sums() []byte {
	escape := strings.NewReplacer(`\`, `\\`, "\n", `\n`, "\r", `\r`)
	var lines []string
	for _, m := range d.files {
		name, escaped := escape.Replace(m.Name), ""
		if name != m.Name {
			escaped = `\`
		}
		lines = append(lines, name+"\x00"+escaped+source.AnyDigest(m.record.Digest).Hex)
	}
	slices.Sort(lines) // by name
	var b bytes.Buffer
	for _, line := range lines {
		name, sum, _ := strings.Cut(line, "\x00")
		b.WriteString(sum + "  " + name + "\n")
	}
	return b.Bytes()
}

// checkSumsName reports that the directory has a list of its own where ours would be.
func (d *directory) checkSumsName() error {
	taken := func(m *member) bool { return m.Name == sumsName || strings.HasPrefix(m.Name, sumsName+"/") }
	if !d.file.WriteSums || !slices.ContainsFunc(d.files, taken) {
		return nil
	}
	return source.Permanent(&usererr.Error{
		Text: "the directory has a " + sumsName + " of its own, which --write-sums would replace",
		Hint: "Leave out --write-sums, or exclude that file: --exclude " + sumsName,
	})
}

// hasSums reports whether the list that is wanted is at the destination: by its record, or by its bytes.
func (d *directory) hasSums(ctx context.Context, view *store.View) bool {
	now := view.Identity(sumsName)
	if !d.file.WriteSums || now == (store.Identity{}) {
		return !d.file.WriteSums
	}
	if d.record != nil && d.record.Sums == now && d.record.Selection == d.file.selection() && d.record.Source == store.ID(d.name) && !d.file.Verify {
		d.listed = now
		return true
	}
	h := sha256.New()
	file, err := view.Hash(ctx, sumsName, h)
	want := sha256.Sum256(d.sums())
	if err != nil || !bytes.Equal(h.Sum(nil), want[:]) {
		return false
	}
	d.listed = file
	return true
}

// checkOthers reports what is at the destination where other files have to be.
func (d *directory) checkOthers() error {
	if d.file.Delete {
		return nil
	}
	blocking := d.blocking()
	if len(blocking) == 0 {
		return nil
	}
	return store.Refusal(fmt.Sprintf("%q in the directory is in the way of a file", blocking[0]), "Remove it, or let --delete remove what is not of the source.", nil)
}

// blocking returns the paths at the destination that are a directory where a file is wanted, or the reverse.
func (d *directory) blocking() []string {
	wanted := d.wanted()
	above := map[string]bool{}
	for name := range wanted {
		for i, r := range name {
			if r == '/' {
				above[name[:i]] = true
			}
		}
	}
	return slices.DeleteFunc(slices.Clone(d.others), func(name string) bool {
		directory := strings.TrimSuffix(name, "/")
		return !wanted[directory] && !above[directory]
	})
}

var errDirectory = errors.New("the URL means a directory, not a file")

// wanted returns the paths that are not others.
func (d *directory) wanted() map[string]bool {
	all := namesOf(d.files)
	if d.file.WriteSums {
		all[sumsName] = true
	}
	return all
}

// reportOthers logs what else is at the destination.
func (d *directory) reportOthers(ctx context.Context) {
	const shown = 3
	if n := len(d.others); n > 0 && !d.file.Delete {
		names := fmt.Sprintf("%.300q", d.others[:min(n, shown)])
		d.log.WarnContext(ctx, "the directory has other files too: --delete removes them", "path", d.at.Path, "count", n, "names", names)
	}
}
