package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/inith/inith/cmd/inith/internal/environment"
	"github.com/inith/inith/cmd/inith/internal/modelsfile"
	"github.com/inith/inith/cmd/inith/internal/option"
	"github.com/inith/inith/cmd/inith/internal/planfile"
	"github.com/inith/inith/fetch"
	"github.com/inith/inith/internal/cgroup"
	"github.com/inith/inith/internal/duration"
)

const fetchDescription = `Downloads files: verified, resumable, in parallel. DEST is absent, the old file,
or the whole new one, never a part. A run that was killed resumes where it
stopped. inith prints the path; with DEST "-" it prints the bytes instead.

SOURCE is an http or https URL, hf://ORG/NAME[@REVISION][/PATH] for a
repository, a directory or a file on Hugging Face (hf://datasets/ORG/NAME too),
s3://BUCKET/KEY, gs://BUCKET/OBJECT or az://ACCOUNT/CONTAINER/BLOB for an object
or a directory in S3, Google Cloud Storage or Azure Blob Storage,
oci://REGISTRY/REPOSITORY[:TAG][@DIGEST] for the files of an artifact or image in
a registry, or a path that begins with /, ./ or ../.
DEST is a file. With a trailing slash, or if DEST is a directory, inith adds the
last segment of the URL's path. If SOURCE is a directory, DEST is the directory
that gets its files. A directory on an HTTP server has a slash at the end of its
URL, and --checksum-url names a list of its files. State is kept in .inith/ next to DEST: partial files and
receipts. A second run with a digest and an intact file sends no request.
With several SOURCES, each DEST is a directory.

   evidence  the content matches
   pinned    a digest given with --sha256 or --digest
   content   the digest that is its address in the store
   sums      the list at --checksum-url
   server    a digest that the server sends
   size      the server's length: it is not cut, no more

INITH_FETCH_EPHEMERAL_LIMIT, a number of bytes from the downward API
(resourceFieldRef limits.ephemeral-storage), bounds what inith writes.

EXAMPLES:
   inith fetch https://models.example.com/v2.bin /models/ --sha256 9f86d081...
   inith fetch --from-env MODEL_URL /models/v2.bin
   inith fetch https://models.example.com/v2.tar.zst /models/v2 --extract
   inith fetch -f models.yaml -- python app.py`

// fetchOptions are the options of fetch, and of a fetch step of a plan.
type fetchOptions struct {
	file           fetch.File
	files          []fetch.File // of a step, or those after file
	list           string       // a models.yaml; "" for none
	verify         bool
	json           bool
	unsigned       bool
	registryConfig string        // a file; "" for that of Docker's own programs
	timeout        time.Duration // zero: none
	unused         time.Duration // of objects that inith cache prune removes; zero: whatever their age
	fetcher        fetch.Fetcher
	connection     connection
}

// fileOptions are the options of a single file.
func fileOptions(env environment.Variables) []option.Option[*fetchOptions] {
	return option.Within(modelsfile.Options(env), func(o *fetchOptions) *fetch.File { return &o.file })
}

// listOptions are the options of all files.
func listOptions(env environment.Variables) []option.Option[*fetchOptions] {
	type o = fetchOptions
	reached := connectionOptions(env, "reach servers through the proxy at this `URL` (default: HTTPS_PROXY, HTTP_PROXY, NO_PROXY)")
	return append([]option.Option[*o]{
		{
			Flag: "file", Letter: "f",
			Usage: "fetch what this YAML `FILE` lists (- is the standard input)",
			Set:   option.ToString(func(o *o) *string { return &o.list }),
		},
		{
			Flag: "verify", Kind: option.Bool,
			Usage: "hash an existing file even if the stored receipt matches",
			Set:   option.ToBool(func(o *o) *bool { return &o.verify }),
		},
		{
			Flag: "connections", Kind: option.Integer, Default: strconv.Itoa(fetch.DefaultConnections),
			Usage: "maximum number (`N`) of connections per host",
			Set:   option.AtLeast(1, func(o *o) *int { return &o.fetcher.Connections }),
		},
		{
			Flag: "limit-rate", Kind: option.Size,
			Usage: "maximum `SIZE` per second over all connections, such as 50MB",
			Set:   option.ToSize(func(o *o) *int64 { return &o.fetcher.RateLimit }),
		},
		{
			Flag: "max-size", Kind: option.Size,
			Usage: "maximum `SIZE` of a file, also if the server does not say how long it is",
			Set:   option.ToSize(func(o *o) *int64 { return &o.fetcher.MaxSize }),
		},
		{
			Flag:  "cache",
			Usage: "take files from the cache in this `DIR`, which all Pods of a node share, and keep them there",
			Set:   option.ToString(func(o *o) *string { return &o.fetcher.Cache }),
		},
		{
			Flag: "cache-max", Kind: option.Size,
			Usage: "maximum `SIZE` of the cache: remove what was not used for longest",
			Set:   option.ToSize(func(o *o) *int64 { return &o.fetcher.CacheMax }),
		},
		{
			Flag: "timeout", Letter: "t", Kind: option.Duration, Default: "none",
			Usage: "give up after this `TIME`",
			Set:   option.ToDuration(func(o *o) *time.Duration { return &o.timeout }),
		},
		{
			Flag: "stall-timeout", Old: []string{"no-progress"}, Kind: option.Duration, Default: duration.Format(fetch.DefaultStallTimeout),
			Usage: "give up when no byte has come for this `TIME`",
			Set:   option.ToDuration(func(o *o) *time.Duration { return &o.fetcher.StallTimeout }),
		},
		{
			Flag: "min-rate", Kind: option.Size, Default: "1KiB",
			Usage: "give up when less than this `SIZE` per second of a file has come over a minute",
			Set:   option.ToSize(func(o *o) *int64 { return &o.fetcher.MinRate }),
		},
		{
			Flag: "retry-max-wait", Kind: option.Duration, Default: duration.Format(fetch.DefaultRetryMaxWait),
			Usage: "maximum `TIME` between two attempts, whatever a server asks for",
			Set:   option.ToDuration(func(o *o) *time.Duration { return &o.fetcher.RetryMaxWait }),
		},
		{
			Flag: "start-jitter", Kind: option.Duration,
			Usage: "wait for a random `TIME` up to this before the first request, so that many Pods do not begin at once",
			Set:   option.ToDuration(func(o *o) *time.Duration { return &o.fetcher.StartJitter }),
		},
		{
			Flag: "no-sign-request", Kind: option.Bool,
			Usage: "do not sign requests to s3, gs and az URLs: what they name is public",
			Set:   option.ToBool(func(o *o) *bool { return &o.unsigned }),
		},
		{
			Flag:  "registry-config",
			Usage: "take credentials for oci URLs from this `FILE`, a config.json of Docker's (default: that in $DOCKER_CONFIG or ~/.docker)",
			Set:   option.ToString(func(o *o) *string { return &o.registryConfig }),
		},
		{
			Flag: "json", Key: option.NoKey, Kind: option.Bool,
			Usage: "print an object per file instead of its path",
			Set:   option.ToBool(func(o *o) *bool { return &o.json }),
		},
	}, option.Within(reached, func(o *o) *connection { return &o.connection })...)
}

func fetchCommand(c *call) *definition {
	own := fileOptions(c.env)
	return define(c, spec[*fetchOptions]{
		usage: []string{
			"inith fetch [OPTION...] SOURCE DEST [SOURCE DEST...] [-- CMD ARG...]",
			"inith fetch [OPTION...] -f models.yaml [-- CMD ARG...]",
		},
		description: func() string { return fetchDescription },
		exits:       [][2]string{{"3", "the content is not what was asked for"}},
		child:       becomesChild,
		events:      true,
		table: option.Table[*fetchOptions]{
			Options: append(own, listOptions(c.env)...),
			Check: func(o *fetchOptions, given option.Given) error {
				err := cmp.Or(checkSourceAndDest(o, given, c.child), checkCache(o, given))
				switch {
				case err != nil:
					return err
				case o.list != "":
					return checkListed(own, given)
				case len(given.Args) > 2:
					return o.addPairs(own, given)
				}
				return nil
			},
		},
		open: func(_ context.Context, s session, o *fetchOptions, given option.Given) (job, error) {
			files, err := o.read(s.env, given)
			if err != nil {
				return nil, err
			}
			return openFetch(s, o, files, given)
		},
	})
}

// checkSourceAndDest reports arguments that are missing or too many.
func checkSourceAndDest(o *fetchOptions, given option.Given, child []string) error {
	dests := len(given.Args)
	if given.Origin("from-env") == option.FromDefault {
		dests--
	}
	switch {
	case o.list != "" && (len(given.Args) > 0 || given.Has("from-env")):
		return errors.New("--file and SOURCE exclude each other")
	case o.list != "":
		return nil
	case o.file.URL == nil:
		return errors.New("no SOURCE: inith fetch URL DEST, or -f models.yaml")
	case dests > 1 && given.Origin("from-env") != option.FromDefault:
		return fmt.Errorf("want one DEST, got %d; -f models.yaml fetches several files", dests)
	case o.file.Dest == "":
		return errors.New("no DEST: inith fetch URL DEST")
	case dests > 1 && len(given.Args)%2 == 1:
		return fmt.Errorf("want a DEST for each SOURCE, got %d arguments", len(given.Args))
	case o.file.Dest == "-" && child != nil:
		return errors.New("DEST - and a command after -- exclude each other")
	}
	return modelsfile.Check(&o.file, given)
}

// checkCache reports a limit of a cache without a cache.
func checkCache(o *fetchOptions, given option.Given) error {
	if o.fetcher.CacheMax > 0 && o.fetcher.Cache == "" {
		return given.Errorf("cache-max", "there is no cache: name its directory with %s", given.Name("cache"))
	}
	return nil
}

// addPairs adds the files of the arguments after the first two. The destinations of several sources are directories; what
// is of one source, such as a digest or a token, cannot be given for all.
func (o *fetchOptions) addPairs(own []option.Option[*fetchOptions], given option.Given) error {
	ofAll := []string{"evidence", "include", "exclude", "write-sums", "delete", "in-place", "extract"}
	for i := range own {
		if id := own[i].ID(); own[i].Flag != "" && !slices.Contains(ofAll, id) && given.Has(id) {
			return fmt.Errorf("%s is for one SOURCE: to fetch several, list them in models.yaml", given.Name(id))
		}
	}
	for pair := range slices.Chunk(given.Args, 2) {
		file := o.file
		var err error
		if file.URL, err = modelsfile.ParseSource(pair[0]); err != nil {
			return err
		}
		file.Dest, file.MayBeFile = pair[1], true
		if file.Dest == "-" {
			return errors.New("DEST - is for one SOURCE")
		}
		if !file.Extract {
			file.Dest = strings.TrimRight(file.Dest, "/") + "/"
		}
		o.files = append(o.files, file)
	}
	o.file, o.files = o.files[0], o.files[1:]
	return nil
}

// checkListed reports options of a single file that a list would ignore. The minimum evidence holds for all its entries.
func checkListed(own []option.Option[*fetchOptions], given option.Given) error {
	var errs []error
	for i := range own {
		if id := own[i].ID(); id != "evidence" && given.Has(id) {
			errs = append(errs, fmt.Errorf("%s is for one file: with --file, put it into its entry", given.Name(id)))
		}
	}
	return errors.Join(errs...)
}

// read returns the files to fetch.
func (o *fetchOptions) read(env environment.Variables, given option.Given) ([]fetch.File, error) {
	files := o.files
	if o.file.URL != nil {
		files = append([]fetch.File{o.file}, files...)
	}
	if o.list != "" {
		var err error
		limit, _ := cgroup.Cgroup(os.DirFS("/"))
		if files, err = modelsfile.Read(given.Name("file"), o.list, env, limit.Max); err != nil {
			return nil, err
		}
	}
	for i := range files {
		files[i].Verify = o.verify
		files[i].Evidence = max(files[i].Evidence, o.file.Evidence)
		if err := kserveFile(env, &files[i]); err != nil {
			return nil, err
		}
	}
	return files, nil
}

func fetchStepTable(env environment.Variables) option.Table[*fetchOptions] {
	own := option.Entries(fileOptions(env))
	for i := range own {
		own[i].Required = false // a step may have a list of files instead
	}
	several := option.List("files", "several files", modelsfile.Table(env), func(o *fetchOptions, f *fetch.File) { o.files = append(o.files, *f) })
	return option.Table[*fetchOptions]{
		Options: append(append(own, several), listOptions(env)...),
		Short:   "files",
		Check: func(o *fetchOptions, given option.Given) error {
			switch {
			case checkCache(o, given) != nil:
				return checkCache(o, given)
			case given.Has("files") && given.Has("file"):
				return given.Excluding("files", "file")
			case !given.Has("files") && !given.Has("file"):
				return checkSingle(o, given)
			}
			for i := range own {
				if id := own[i].ID(); given.Has(id) {
					return errors.New("with several files, " + given.Name(id) + " is a key of each entry")
				}
			}
			return nil
		},
	}
}

// checkSingle reports what is wrong with the only file of a step.
func checkSingle(o *fetchOptions, given option.Given) error {
	err := modelsfile.CheckEntry(&o.file, given)
	if err == nil && o.file.Dest == "" {
		return errors.New("no to")
	}
	return err
}

// fetchStep is fetch as a step of a plan.
func fetchStep(r *runner) planfile.Kind {
	return kindOf(r, "fetch", "download files", fetchStepTable(r.env),
		func(_ context.Context, s session, o *fetchOptions, given option.Given) (planfile.Job, error) {
			files, err := o.read(s.env, given)
			if err != nil {
				return nil, err
			}
			if len(files) == 0 {
				return nil, errors.New("files: the list is empty")
			}
			return openFetch(s, o, files, given)
		})
}

func (o *fetchOptions) noTimeout() { o.timeout = 0 }
