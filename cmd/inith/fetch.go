package main

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"runtime/debug"
	"strconv"
	"sync"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/inith/inith/fetch"
	"github.com/inith/inith/internal/bytesize"
	"github.com/inith/inith/internal/cgroup"
	"github.com/inith/inith/internal/redact"
)

const fetchDescription = `Downloads files: verified, resumable, in parallel. DEST is absent, the old file,
or the whole new one, never a part, and a run that was killed goes on where it
stopped. Its path is printed; DEST "-" prints the bytes instead.

SOURCE is an http or https URL. DEST is a file; with a trailing slash, or if it is
a folder, the last segment of the URL's path is added. Beside it, .inith has the
partial files and the receipts: a second run with a digest and an intact file
sends no request.

   evidence  the content is what
   pinned    a digest given with --sha256 or --digest says
   sums      the list at --checksum-url says
   server    a digest that the server sends says
   size      the server's length says: it is not cut, no more

INITH_FETCH_EPHEMERAL_LIMIT, a number of bytes from the downward API (resourceFieldRef
limits.ephemeral-storage), bounds what may be written.

EXAMPLES:
   inith fetch https://models.example.com/v2.bin /models/ --sha256 9f86d081...
   inith fetch --from-env MODEL_URL /models/v2.bin --checksum-url https://models.example.com/SHA256SUMS
   inith fetch https://models.example.com/v2.tar.zst /models/v2 --extract --digest blake3:4878ca04...
   inith fetch -f models.yaml -- python app.py`

func fetchCommand(p *process) *cli.Command {
	const f = flagSet("fetch")
	return &cli.Command{
		Name:        "fetch",
		Usage:       "download files, verified, resumable, in parallel",
		UsageText:   "inith fetch [OPTION...] SOURCE DEST [-- CMD ARG...]\n   inith fetch [OPTION...] -f models.yaml [-- CMD ARG...]",
		Description: fetchDescription,
		Flags: append([]cli.Flag{
			f.string("from-env", "take SOURCE from the variable `NAME`, or from the file that NAME_FILE names"),
			&cli.StringFlag{Name: "file", Aliases: []string{"f"}, EnvVars: f.env("file"), Usage: "fetch what this YAML `FILE` lists (- is the standard input)"},
			f.string("sha256", "the digest that the content must have (`HEX`)"),
			f.string("digest", "the same, as `ALGORITHM:HEX`, of sha256, sha512 or blake3"),
			f.string("checksum-url", "take the digest from the list at this `URL`, as sha256sum writes it"),
			f.string("checksum-url-from-env", "take the URL of --checksum-url from the variable `NAME`, or from the file that NAME_FILE names"),
			f.strings("mirror", "another `URL` of the same content, tried when SOURCE fails; can be repeated"),
			f.strings("mirror-from-env", "take the URL of --mirror from the variable `NAME`, or from the file that NAME_FILE names"),
			f.string("evidence", "the least `EVIDENCE` to accept: pinned, server or size (default: size)"),
			f.bool("extract", "SOURCE is a tar, tar.gz, tar.zst or zip: DEST is the folder that gets what it holds"),
			f.string("mode", "permission bits of the file (`OCTAL`, default: 0644 less the umask)"),
			f.bool("verify", "hash a file that is there, even if its receipt vouches for it"),
			f.strings("header-file", "send the \"Name: value\" lines of this `FILE` to SOURCE's origin; can be repeated"),
			f.string("bearer-file", "send the token in this `FILE` to SOURCE's origin"),
			f.string("password-file", "the password in this `FILE` for the user of SOURCE (https://user@host/)"),
			f.int("connections", fetch.DefaultConnections, "at most so many (`N`) to one host"),
			f.size("limit-rate", "at most this `SIZE` a second over all connections, such as 50MB"),
			f.duration("timeout", 0, "give up after this `TIME`"),
			f.duration("no-progress", fetch.DefaultStallTimeout, "give up when no byte came for this `TIME`"),
			f.duration("retry-max-wait", fetch.DefaultRetryMaxWait, "longest `TIME` between two attempts, whatever a server asks for"),
			f.bool("init", "stay as the init process of CMD: forward signals, reap orphans, return its exit code"),
			f.bool("json", "print an object a file instead of its path"),
			f.string("proxy", "reach servers through the proxy at this `URL` (default: HTTPS_PROXY, HTTP_PROXY, NO_PROXY)"),
		}, f.connection()...),
		Action: func(c *cli.Context) error {
			j, err := p.parseFetch(c)
			if err != nil {
				return err
			}
			return j.run(c.Context)
		},
	}
}

// A fetchJob is `inith fetch` with all that the command line says.
type fetchJob struct {
	*process
	fetcher *fetch.Fetcher
	files   []fetch.File
	timeout time.Duration // zero: none
	json    bool
	init    bool

	mu    sync.Mutex // of batch
	batch *fetch.Batch
}

func (p *process) parseFetch(c *cli.Context) (*fetchJob, error) {
	if err := p.lookCommand(); err != nil {
		return nil, err
	}
	if c.Bool("init") && p.command == nil {
		return nil, usagef("--init needs a command after --")
	}
	files, err := p.files(c)
	if err != nil {
		return nil, err
	}
	return p.newFetchJob(c, files)
}

func (p *process) newFetchJob(c *cli.Context, files []fetch.File) (*fetchJob, error) {
	f, err := p.newFetcher(c)
	if err != nil {
		return nil, err
	}
	j := &fetchJob{process: p, fetcher: f, files: files, timeout: duration(c, "timeout"), json: c.Bool("json"), init: c.Bool("init")}
	return j, j.open()
}

// open opens all files, so that every mistake is reported before the first request.
func (j *fetchJob) open() error {
	batch, err := j.fetcher.OpenAll(j.files)
	if err != nil {
		return &usageError{err}
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	j.batch = batch
	return nil
}

// opened returns the transfers of the files.
func (j *fetchJob) opened() *fetch.Batch {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.batch
}

func (p *process) newFetcher(c *cli.Context) (*fetch.Fetcher, error) {
	f := &fetch.Fetcher{
		Connections: c.Int("connections"), RateLimit: size(c, "limit-rate"), StallTimeout: duration(c, "no-progress"),
		RetryMaxWait: duration(c, "retry-max-wait"), Stdout: p.stdout,
	}
	if !p.live() { // the rows tell the rest
		f.Logger = p.logger()
	}
	switch {
	case f.Connections < 1:
		return nil, usagef("--connections: must be 1 or more")
	case f.RetryMaxWait == 0:
		return nil, usagef("--retry-max-wait: there must be a limit")
	case f.StallTimeout == 0:
		f.StallTimeout = -1
	}
	var err error
	if f.DiskLimit, err = p.ephemeralLimit(); err != nil {
		return nil, err
	}
	debug.SetGCPercent(50) // most of the heap are buffers that stay: to collect it costs little
	if limit, ok := cgroup.Cgroup(os.DirFS("/")); ok {
		f.MemoryLimit, f.MemoryFree = limit.Max, limit.Free()
		debug.SetMemoryLimit(limit.Max / 2) // the rest is for pages on their way to the disk
	}
	tls, err := tlsFlags(c)
	if err != nil {
		return nil, err
	}
	f.TLS = fetch.TLS(tls)
	proxy, err := p.proxy(c)
	if err != nil {
		return nil, err
	}
	f.Proxy = func(target *url.URL) (*url.URL, error) {
		if proxy != nil {
			return proxy, nil
		}
		return http.ProxyFromEnvironment(&http.Request{URL: target})
	}
	return f, nil
}

// ephemeralLimit returns what may be written where Kubernetes counts it: the
// downward API puts limits.ephemeral-storage into a variable, as a number of
// bytes.
func (p *process) ephemeralLimit() (int64, error) {
	const name = "INITH_FETCH_EPHEMERAL_LIMIT"
	s, ok := p.lookup(name)
	if !ok {
		return 0, nil
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n < 1 {
		return 0, usagef("$%s: want a number of bytes, as resourceFieldRef gives it", name)
	}
	return n, nil
}

// files returns what to fetch.
func (p *process) files(c *cli.Context) ([]fetch.File, error) {
	if name := c.String("file"); name != "" {
		return p.listed(c, name)
	}
	file, err := p.sourceAndDest(c)
	if err != nil {
		return nil, err
	}
	if file.Digest, err = digestFlag(c); err != nil {
		return nil, err
	}
	if file.SumsURL, err = p.url(c.String("checksum-url"), c.String("checksum-url-from-env")); err != nil {
		return nil, err
	}
	if file.Evidence, err = evidenceFlag(c); err != nil {
		return nil, err
	}
	if file.Mode, err = parseMode(c.String("mode")); err != nil {
		return nil, usagef("--mode: %w", err)
	}
	if file.Mode != 0 && file.Extract {
		return nil, usagef("--mode is for a file: an archive has the modes of its own")
	}
	err = cmp.Or(p.addMirrors(&file, c.StringSlice("mirror")), p.addMirrorsFromEnv(&file, c.StringSlice("mirror-from-env")))
	return []fetch.File{file}, err
}

// listed returns the files of a list. What belongs to one file is an entry's
// there: it must not be on the command line, where it would be ignored.
func (p *process) listed(c *cli.Context, name string) ([]fetch.File, error) {
	if c.NArg() > 0 || c.String("from-env") != "" {
		return nil, usagef("--file and SOURCE exclude each other")
	}
	for _, flag := range fileFlags() {
		if given(c, flag) {
			return nil, usagef("--%s is for one file: with --file, put it into its entry", flag)
		}
	}
	least, err := evidenceFlag(c)
	if err != nil {
		return nil, err
	}
	files, err := p.readModels(name)
	for i := range files {
		files[i].Verify = c.Bool("verify")
		files[i].Evidence = max(files[i].Evidence, least)
	}
	return files, err
}

// fileFlags are the flags that say something of one file.
func fileFlags() []string {
	return []string{
		"sha256", "digest", "checksum-url", "checksum-url-from-env", "mode", "bearer-file", "password-file",
		"mirror", "mirror-from-env", "header-file", "extract",
	}
}

func evidenceFlag(c *cli.Context) (fetch.Evidence, error) {
	s := c.String("evidence")
	if s == "" {
		return fetch.EvidenceNone, nil
	}
	e, err := fetch.ParseEvidence(s)
	if err != nil {
		return e, usagef("--evidence: %w", err)
	}
	return e, nil
}

func (p *process) sourceAndDest(c *cli.Context) (fetch.File, error) {
	args, name := c.Args().Slice(), c.String("from-env")
	file := fetch.File{
		Extract: c.Bool("extract"), Verify: c.Bool("verify"),
		HeaderFiles: c.StringSlice("header-file"), BearerFile: c.String("bearer-file"), PasswordFile: c.String("password-file"),
	}
	raw := ""
	if name == "" && len(args) > 0 {
		raw, args = args[0], args[1:]
	}
	var err error
	file.URL, err = p.url(raw, name)
	switch {
	case err != nil:
		return file, err
	case file.URL == nil:
		return file, usagef("no SOURCE: inith fetch URL DEST, or -f models.yaml")
	case len(args) == 0:
		return file, usagef("no DEST: inith fetch URL DEST")
	case len(args) > 1:
		return file, usagef("want one DEST, got %d; -f models.yaml fetches several files", len(args))
	case args[0] == "-" && p.command != nil:
		return file, usagef("DEST - and a command after -- exclude each other")
	}
	file.Dest = args[0]
	return file, nil
}

func digestFlag(c *cli.Context) (fetch.Digest, error) {
	name, text := "--digest", c.String("digest")
	if hex := c.String("sha256"); hex != "" {
		if text != "" {
			return fetch.Digest{}, usagef("--sha256 and --digest exclude each other")
		}
		name, text = "--sha256", "sha256:"+hex
	}
	if text == "" {
		return fetch.Digest{}, nil
	}
	d, err := fetch.ParseDigest(text)
	if err != nil {
		return d, usagef("%s: %w", name, err)
	}
	return d, nil
}

func (p *process) addMirrors(f *fetch.File, urls []string) error {
	for _, raw := range urls {
		u, err := p.url(raw, "")
		if err != nil {
			return err
		}
		f.Mirrors = append(f.Mirrors, u)
	}
	return nil
}

func (p *process) addMirrorsFromEnv(f *fetch.File, names []string) error {
	for _, name := range names {
		u, err := p.url("", name)
		if err != nil {
			return err
		}
		f.Mirrors = append(f.Mirrors, u)
	}
	return nil
}

// url returns the URL in raw, or in the variable called name; nil if neither is
// given.
func (p *process) url(raw, name string) (*url.URL, error) {
	if name != "" {
		var err error
		if raw, err = p.secretVar(name); err != nil {
			return nil, err
		}
	}
	if raw == "" {
		return nil, nil //nolint:nilnil // no URL is not an error
	}
	u, err := redact.ParseURL(raw)
	if err != nil {
		return nil, &usageError{err}
	}
	return u, nil
}

func parseMode(s string) (fs.FileMode, error) {
	if s == "" {
		return 0, nil
	}
	n, err := strconv.ParseUint(s, 8, 32)
	if err != nil || n == 0 || n > 0o777 {
		return 0, errors.New("want permission bits in octal, such as 0640")
	}
	return fs.FileMode(n), nil
}

func (j *fetchJob) run(ctx context.Context) error {
	results, err := j.fetch(ctx)
	for _, r := range results {
		if j.live() && r.Evidence != fetch.EvidenceNone {
			_, _ = fmt.Fprintln(j.stderr, "inith:", sentence(r))
		}
	}
	if err != nil {
		return err
	}
	if j.command != nil {
		return j.becomeCommand(ctx, j.init)
	}
	j.terminate(summary(results))
	return j.print(results)
}

// fetch fetches all files, and shows how they are going.
func (j *fetchJob) fetch(ctx context.Context) ([]fetch.Result, error) {
	ctx, cancel := withTimeout(ctx, j.timeout)
	defer cancel()
	stop := j.watch()
	defer stop()
	results, err := j.opened().Run(ctx, func(r fetch.Result) {
		if !j.live() {
			j.told(r)
		}
	})
	return results, j.unfinished(err)
}

// unfinished adds to the end of a deadline, or to a signal, how far the files
// came.
func (j *fetchJob) unfinished(cause error) error {
	_, deadline := errors.AsType[*deadlineError](cause)
	_, signal := errors.AsType[*signalError](cause)
	if !deadline && !signal {
		return cause
	}
	var errs []error
	for _, s := range j.statuses() {
		if s.Phase != fetch.Done {
			errs = append(errs, &unfinishedError{s, cause})
		}
	}
	return errors.Join(errs...)
}

// An unfinishedError tells how far a file came.
type unfinishedError struct {
	status fetch.Status
	cause  error
}

func (e *unfinishedError) Error() string {
	of := ""
	if e.status.Size >= 0 {
		of = " of " + bytesize.Text(e.status.Size)
	}
	text := fmt.Sprintf("fetch %s: %v, with %s%s there", e.status.Name, e.cause, bytesize.Text(e.status.Done), of)
	if e.status.Err != nil {
		text += "; the last trouble: " + e.status.Err.Error()
	}
	return text
}

func (e *unfinishedError) Unwrap() error { return e.cause }

// told logs how a file was got.
func (j *fetchJob) told(r fetch.Result) {
	log := j.logger().With("source", r.Source, "path", r.Path, "bytes", r.Size, "digest", r.Digest.String(), "evidence", r.Evidence.String())
	if r.Skipped {
		log.Info("there already")
		return
	}
	log.Info("fetched", "elapsed", r.Elapsed.Round(time.Millisecond).String(),
		"rate", bytesize.Text(int64(float64(r.Fetched)/max(r.Elapsed.Seconds(), 1e-3)))+"/s", "resumed", bytesize.Text(r.Resumed), "retries", r.Retries)
}

// sentence tells a person how a file was got.
func sentence(r fetch.Result) string {
	what := fmt.Sprintf("%s: %s, %s (evidence: %s)", cmp.Or(r.Path, r.Source), bytesize.Text(r.Size), r.Digest, r.Evidence)
	if r.Skipped {
		return what + ", there already"
	}
	return fmt.Sprintf("%s, in %v", what, r.Elapsed.Round(100*time.Millisecond))
}

// summary is the outcome for the termination log.
func summary(results []fetch.Result) string {
	var size, fetched int64
	skipped := 0
	for _, r := range results {
		size, fetched = size+r.Size, fetched+r.Fetched
		if r.Skipped {
			skipped++
		}
	}
	return fmt.Sprintf("fetched: %s of %s, %d there already, %s came over the network", count(len(results), "file"), bytesize.Text(size), skipped, bytesize.Text(fetched))
}

// jsonResult is a line of --json.
type jsonResult struct {
	Source   string  `json:"source"`
	Path     string  `json:"path"`
	Size     int64   `json:"size"`
	Digest   string  `json:"digest"`
	Evidence string  `json:"evidence"`
	Skipped  bool    `json:"skipped"`
	Fetched  int64   `json:"fetched"`
	Resumed  int64   `json:"resumed"`
	Retries  int     `json:"retries"`
	Seconds  float64 `json:"seconds"`
}

// print writes the results to the standard output, which has the bytes if they
// were asked for there.
func (j *fetchJob) print(results []fetch.Result) error {
	out := bufio.NewWriter(j.stdout)
	for _, r := range results {
		switch {
		case r.Path == "":
		case j.json:
			line, _ := json.Marshal(jsonResult{
				r.Source, r.Path, r.Size, r.Digest.String(), r.Evidence.String(), r.Skipped,
				r.Fetched, r.Resumed, r.Retries, r.Elapsed.Seconds(),
			})
			_, _ = out.Write(append(line, '\n'))
		default:
			_, _ = out.WriteString(r.Path + "\n")
		}
	}
	return out.Flush()
}
