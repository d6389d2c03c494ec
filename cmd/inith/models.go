package main

import (
	"errors"
	"io"
	"os"
	"path/filepath"

	"go.yaml.in/yaml/v4"

	"github.com/inith/inith/fetch"
	"github.com/inith/inith/internal/diag"
	"github.com/inith/inith/internal/option"
)

// modelKeys are the keys of an entry of models.yaml: the flags of the same name,
// in camel case.
func (p *process) modelKeys() []option.Key[fetch.File] {
	return []option.Key[fetch.File]{
		{Name: "url", Kind: option.Text, Usage: "an http or https URL", Set: func(f *fetch.File, v option.Value) (err error) {
			f.URL, err = p.url(v.Text, "")
			return err
		}},
		{Name: "urlFromEnv", Kind: option.Text, Usage: "the variable that has the URL, or NAME_FILE the file with it", Set: func(f *fetch.File, v option.Value) (err error) {
			f.URL, err = p.url("", v.Text)
			return err
		}},
		{Name: "to", Kind: option.Text, Usage: "the destination: a file, or a folder with a trailing slash", Required: true, Set: func(f *fetch.File, v option.Value) error {
			f.Dest = v.Text
			return nil
		}},
		{Name: "sha256", Kind: option.Text, Usage: "the digest that the content must have", Set: func(f *fetch.File, v option.Value) (err error) {
			f.Digest, err = fetch.ParseDigest("sha256:" + v.Text)
			return err
		}},
		{Name: "digest", Kind: option.Text, Usage: "the same, as ALGORITHM:HEX, of sha256, sha512 or blake3", Set: func(f *fetch.File, v option.Value) (err error) {
			f.Digest, err = fetch.ParseDigest(v.Text)
			return err
		}},
		{Name: "checksumUrl", Kind: option.Text, Usage: "a list of digests as sha256sum writes it", Set: func(f *fetch.File, v option.Value) (err error) {
			f.SumsURL, err = p.url(v.Text, "")
			return err
		}},
		{Name: "checksumUrlFromEnv", Kind: option.Text, Usage: "the variable that has the URL of the list", Set: func(f *fetch.File, v option.Value) (err error) {
			f.SumsURL, err = p.url("", v.Text)
			return err
		}},
		{Name: "mirrors", Kind: option.Texts, Usage: "other URLs of the same content, in the order to try", Set: func(f *fetch.File, v option.Value) error {
			return p.addMirrors(f, []string{v.Text})
		}},
		{Name: "mirrorsFromEnv", Kind: option.Texts, Usage: "variables that have URLs of the same content", Set: func(f *fetch.File, v option.Value) error {
			return p.addMirrorsFromEnv(f, []string{v.Text})
		}},
		{Name: "headerFiles", Kind: option.Texts, Usage: "files of \"Name: value\" lines to send to the origin of the URL", Set: func(f *fetch.File, v option.Value) error {
			f.HeaderFiles = append(f.HeaderFiles, v.Text)
			return nil
		}},
		{Name: "bearerFile", Kind: option.Text, Usage: "a file with the token to send to the origin of the URL", Set: func(f *fetch.File, v option.Value) error {
			f.BearerFile = v.Text
			return nil
		}},
		{Name: "passwordFile", Kind: option.Text, Usage: "a file with the password for the user of the URL", Set: func(f *fetch.File, v option.Value) error {
			f.PasswordFile = v.Text
			return nil
		}},
		{Name: "evidence", Kind: option.Text, Usage: "the least evidence to accept: pinned, server or size", Set: func(f *fetch.File, v option.Value) (err error) {
			f.Evidence, err = fetch.ParseEvidence(v.Text)
			return err
		}},
		{Name: "extract", Kind: option.Bool, Usage: "the file is an archive: the destination is the folder that gets what it holds", Set: func(f *fetch.File, v option.Value) error {
			f.Extract = v.Yes
			return nil
		}},
		{Name: "mode", Kind: option.Digits, Usage: "permission bits of the file, in octal", Set: func(f *fetch.File, v option.Value) (err error) {
			f.Mode, err = parseMode(v.Text)
			return err
		}},
	}
}

// modelTable is an entry of models.yaml.
func (p *process) modelTable() option.Table[fetch.File] {
	return option.Table[fetch.File]{
		Keys: p.modelKeys(),
		Check: func(f *fetch.File, has func(string) bool) error {
			switch {
			case has("sha256") && has("digest"):
				return errors.New("sha256 and digest exclude each other")
			case has("url") && has("urlFromEnv"):
				return errors.New("url and urlFromEnv exclude each other")
			case f.URL == nil:
				return errors.New("no url")
			case f.Mode != 0 && f.Extract:
				return errors.New("mode is for a file: an archive has the modes of its own")
			case f.Dest == "-":
				return errors.New("to: the standard output is for a single file, on the command line")
			}
			return nil
		},
		Schema: map[string]any{"oneOf": []any{
			map[string]any{"required": []string{"url"}}, map[string]any{"required": []string{"urlFromEnv"}},
		}},
	}
}

// readModels reads the list of files in models.yaml. All mistakes are told, with
// line and column.
func (p *process) readModels(name string) ([]fetch.File, error) {
	b, err := readFile(name)
	if err != nil {
		return nil, usagef("--file: cannot read %q: %w", name, err)
	}
	list, err := option.Parse(b)
	switch {
	case err != nil:
		return nil, placed(name, err)
	case list == nil || list.Kind != yaml.SequenceNode:
		return nil, usagef("%s: want a list of entries such as {url: https://…, to: /models/, sha256: …}", name)
	case len(list.Content) == 0:
		return nil, usagef("%s: the list is empty", name)
	}
	files, mistakes := option.ReadList(list, p.modelTable())
	return files, usageMistakes(name, mistakes)
}

// usageMistakes are mistakes in a file that a user wrote for inith.
func usageMistakes(name string, mistakes []*diag.Error) error {
	var errs []error
	for _, m := range mistakes {
		errs = append(errs, placed(name, m))
	}
	return errors.Join(errs...)
}

// placed is a mistake in the file called name, which has its place already if
// there is one.
func placed(name string, err error) error {
	if _, ok := errors.AsType[*diag.Error](err); ok {
		return usagef("%s:%w", name, err)
	}
	return usagef("%s: %w", name, err)
}

func readFile(name string) ([]byte, error) {
	if name == "-" {
		return io.ReadAll(os.Stdin)
	}
	b, err := os.ReadFile(filepath.Clean(name))
	if e, ok := errors.AsType[*os.PathError](err); ok {
		err = e.Err
	}
	return b, err
}
