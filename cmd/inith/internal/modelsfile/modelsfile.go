// Package modelsfile has the options of a file to download: the keys of an entry of models.yaml, which are those of a
// fetch step of a plan and the flags of inith fetch too.
package modelsfile

import (
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"path/filepath"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"

	"github.com/inith/inith/cmd/inith/internal/environment"
	"github.com/inith/inith/cmd/inith/internal/option"
	"github.com/inith/inith/fetch"
	"github.com/inith/inith/internal/redact"
)

// Options returns the options of one file.
func Options(env environment.Variables) []option.Option[*fetch.File] {
	return slices.Concat(contentOptions(env), directoryOptions(), fileOptions())
}

// contentOptions say what is downloaded, and where to.
func contentOptions(env environment.Variables) []option.Option[*fetch.File] {
	type file = fetch.File
	addMirror := func(parse func(string) (*url.URL, error)) func(*file, option.Value) error {
		return func(f *file, v option.Value) error {
			u, err := parse(v.Str)
			f.Mirrors = append(f.Mirrors, u)
			return err
		}
	}
	parseEnv := func(name string) (*url.URL, error) { return urlFromEnv(env, name) }
	return []option.Option[*file]{
		{
			Arg: "SOURCE", Key: "url",
			Usage: "an http, https, hf, s3, gs, az, oci or file URL, or a path that begins with /, ./ or ../",
			Set:   option.Parsed(ParseSource, func(f *file) **url.URL { return &f.URL }),
		},
		{
			Flag: "from-env", Key: "urlFromEnv", Instead: "url",
			Usage: "take SOURCE from the environment variable `NAME`, or from the file that NAME_FILE names",
			Set:   option.Parsed(parseEnv, func(f *file) **url.URL { return &f.URL }),
		},
		{
			Arg: "DEST", Key: "to", Required: true,
			Usage: "the destination: a file, or a directory with a trailing slash; if SOURCE is a directory, that directory",
			Set:   option.ToString(func(f *file) *string { return &f.Dest }),
		},
		{
			Flag: "sha256", Kind: option.Digits, Excludes: []string{"digest"},
			Usage: "the digest that the content must have (`HEX`)",
			Set:   option.Parsed(parseSHA256, func(f *file) *fetch.Digest { return &f.Digest }),
		},
		{
			Flag:  "digest",
			Usage: "the same as `ALGORITHM:HEX`, of sha256, sha512 or blake3",
			Set:   option.Parsed(fetch.ParseDigest, func(f *file) *fetch.Digest { return &f.Digest }),
		},
		{
			Flag: "checksum-url", Excludes: []string{"checksum-url-from-env"},
			Usage: "take the digest from the list at this `URL`, as sha256sum writes it; a SOURCE that ends in a slash is the directory of the files in it",
			Set:   option.Parsed(ParseSource, func(f *file) **url.URL { return &f.SumsURL }),
		},
		{
			Flag:  "checksum-url-from-env",
			Usage: "take the URL of the list from the environment variable `NAME`, or from the file that NAME_FILE names",
			Set:   option.Parsed(parseEnv, func(f *file) **url.URL { return &f.SumsURL }),
		},
		{
			Flag: "mirror", Kind: option.Strings,
			Usage: "another `URL` of the same content, tried when SOURCE fails",
			Set:   addMirror(ParseSource),
		},
		{
			Flag: "mirror-from-env", Key: "mirrorsFromEnv", Kind: option.Strings,
			Usage: "take the URL of a mirror from the environment variable `NAME`, or from the file that NAME_FILE names",
			Set:   addMirror(parseEnv),
		},
	}
}

// directoryOptions are for what has many files.
func directoryOptions() []option.Option[*fetch.File] {
	type file = fetch.File
	return []option.Option[*file]{
		{
			Flag: "include", Kind: option.Strings,
			Usage: "of a directory, fetch only the files that match a `PATTERN` such as '*.safetensors'; * matches / too",
			Set:   option.ToStrings(func(f *file) *[]string { return &f.Include }),
		},
		{
			Flag: "exclude", Kind: option.Strings,
			Usage: "of a directory, do not fetch the files that match this `PATTERN`",
			Set:   option.ToStrings(func(f *file) *[]string { return &f.Exclude }),
		},
		{
			Flag: "write-sums", Kind: option.Bool,
			Usage: "add a list of digests, SHA256SUMS, to the directory; while it is intact, later runs send no request",
			Set:   option.ToBool(func(f *file) *bool { return &f.WriteSums }),
		},
		{
			Flag: "delete", Kind: option.Bool,
			Usage: "remove other files from the directory DEST",
			Set:   option.ToBool(func(f *file) *bool { return &f.Delete }),
		},
		{
			Flag: "hf-cache", Kind: option.Bool,
			Usage: "DEST is the cache of Hugging Face's own programs (HF_HUB_CACHE), which read from it without a network",
			Set:   option.ToBool(func(f *file) *bool { return &f.HubCache }),
		},
		{
			Flag: "in-place", Kind: option.Bool,
			Usage: "replace the files of the directory one after the other, and keep .inith in it",
			Set:   option.ToBool(func(f *file) *bool { return &f.InPlace }),
		},
	}
}

// fileOptions say what becomes of the content, and who asks for it.
func fileOptions() []option.Option[*fetch.File] {
	type file = fetch.File
	return []option.Option[*file]{
		{
			Flag:  "evidence",
			Usage: "the minimum `EVIDENCE` to accept", Default: "", DefaultText: "size", Choices: fetch.EvidenceNames(),
			Set: option.Parsed(fetch.ParseEvidence, func(f *file) *fetch.Evidence { return &f.Evidence }),
		},
		{
			Flag: "extract", Kind: option.Bool,
			Usage: "SOURCE is a tar, tar.gz, tar.zst or zip: unpack it into the directory DEST",
			Set:   option.ToBool(func(f *file) *bool { return &f.Extract }),
		},
		{
			Flag: "mode", Kind: option.Digits,
			Usage: "permission bits of the file (`OCTAL`)", DefaultText: "0644 less the umask",
			Set: option.Parsed(option.Mode, func(f *file) *fs.FileMode { return &f.Mode }),
		},
		{
			Flag: "header-file", Kind: option.Strings,
			Usage: "send the \"Name: value\" lines of this `FILE` to SOURCE's origin",
			Set:   option.ToStrings(func(f *file) *[]string { return &f.HeaderFiles }),
		},
		{
			Flag:  "bearer-file",
			Usage: "send the token in this `FILE` to SOURCE's origin",
			Set:   option.ToString(func(f *file) *string { return &f.BearerFile }),
		},
		{
			Flag:  "password-file",
			Usage: "the password in this `FILE` for the user of SOURCE (https://user@host/)",
			Set:   option.ToString(func(f *file) *string { return &f.PasswordFile }),
		},
	}
}

// parseSHA256 reads a digest with or without the name of its algorithm in front.
func parseSHA256(s string) (fetch.Digest, error) {
	const name = "sha256:"
	if len(s) >= len(name) && strings.EqualFold(s[:len(name)], name) {
		s = s[len(name):]
	}
	if strings.Contains(s, ":") {
		return fetch.Digest{}, errors.New("want the hexadecimal digits of a sha256 digest: for another algorithm, use the option digest")
	}
	return fetch.ParseDigest(name + s)
}

func urlFromEnv(env environment.Variables, name string) (*url.URL, error) {
	raw, err := env.Secret(name)
	if err != nil {
		return nil, err
	}
	return ParseSource(raw)
}

// ParseSource reads a URL, or a path as a shell has it, which begins so that it can be nothing else.
func ParseSource(raw string) (*url.URL, error) {
	if !slices.ContainsFunc([]string{"/", "./", "../"}, func(start string) bool { return strings.HasPrefix(raw, start) }) {
		return redact.ParseURL(raw)
	}
	path, err := filepath.Abs(raw)
	if err != nil {
		return nil, errors.New("the working directory of inith does not exist: write the whole path")
	}
	if strings.HasSuffix(raw, "/") && path != "/" {
		path += "/"
	}
	return &url.URL{Scheme: "file", Path: filepath.ToSlash(path)}, nil
}

// Check reports what is wrong with the options of one file together.
func Check(f *fetch.File, given option.Given) error {
	if f.Mode != 0 && f.Extract {
		return errors.New(given.Name("mode") + " is for a file: an archive has modes of its own")
	}
	return nil
}

// CheckEntry is [Check] for an entry of a list.
func CheckEntry(f *fetch.File, given option.Given) error {
	switch {
	case f.URL == nil:
		return errors.New("no url")
	case f.Dest == "-":
		return errors.New("to: only the command line can write to the standard output, and only a single file")
	}
	return Check(f, given)
}

// Table is an entry of models.yaml.
func Table(env environment.Variables) option.Table[*fetch.File] {
	return option.Table[*fetch.File]{
		Options: option.Entries(Options(env)),
		Check:   CheckEntry,
		Schema: map[string]any{"oneOf": []any{
			map[string]any{"required": []string{"url"}}, map[string]any{"required": []string{"urlFromEnv"}},
		}},
	}
}

// Read returns the files that a models.yaml lists, which an option names. A list that needs more memory than the limit
// is an error before it is parsed; a limit of zero is none.
func Read(optionName, name string, env environment.Variables, limit int64) ([]fetch.File, error) {
	b, err := option.ReadFile(name)
	if err != nil {
		return nil, fmt.Errorf("%s: cannot read %q: %w", optionName, name, err)
	}
	if need := memoryFor(b); limit > 0 && need > limit {
		const mebibyte = 1 << 20
		return nil, fmt.Errorf("%s: the list needs about %d MiB of memory, the limit is %d MiB: raise the limit, or split the list",
			name, need/mebibyte, limit/mebibyte)
	}
	list, err := option.Parse(b)
	switch {
	case err != nil:
		return nil, option.InFileAt(name, err)
	case list == nil || list.Kind != yaml.SequenceNode:
		return nil, fmt.Errorf("%s: want a list of entries such as {url: https://…, to: /models/, sha256: …}", name)
	case len(list.Content) == 0:
		return nil, fmt.Errorf("%s: the list is empty", name)
	}
	files, problems := option.ReadList(list, Table(env))
	return files, option.InFile(name, problems)
}
