package main

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/inith/inith/cmd/inith/internal/environment"
	"github.com/inith/inith/cmd/inith/internal/modelsfile"
	"github.com/inith/inith/cmd/inith/internal/option"
	"github.com/inith/inith/cmd/inith/internal/planfile"
	"github.com/inith/inith/cmd/inith/internal/view"
	"github.com/inith/inith/fetch"
	"github.com/inith/inith/internal/bytesize"
	"github.com/inith/inith/internal/cgroup"
	"github.com/inith/inith/internal/duration"
	"github.com/inith/inith/internal/redact"
)

const fetchDescription = `Downloads files: verified, resumable, in parallel. DEST is absent, the old file,
or the whole new one, never a part. A run that was killed resumes where it
stopped. inith prints the path; with DEST "-" it prints the bytes instead.

SOURCE is an http or https URL. DEST is a file. With a trailing slash, or if DEST
is a directory, inith adds the last segment of the URL's path. State is kept in
.inith/ next to DEST: partial files and receipts. A second run with a digest and
an intact file sends no request.

   evidence  the content matches
   pinned    a digest given with --sha256 or --digest
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
	file       fetch.File
	files      []fetch.File // of a step
	list       string       // a models.yaml; "" for none
	verify     bool
	json       bool
	timeout    time.Duration // zero: none
	fetcher    fetch.Fetcher
	connection connection
}

// fileOptions are the options of a single file.
func fileOptions(env environment.Variables) []option.Option[fetchOptions] {
	return option.Within(modelsfile.Options(env), func(o *fetchOptions) *fetch.File { return &o.file })
}

// listOptions are the options of all files.
func listOptions(env environment.Variables) []option.Option[fetchOptions] {
	type o = fetchOptions
	reached := connectionOptions(env, "reach servers through the proxy at this `URL` (default: HTTPS_PROXY, HTTP_PROXY, NO_PROXY)")
	return append([]option.Option[o]{
		{Flag: "file", Letter: "f", Usage: "fetch what this YAML `FILE` lists (- is the standard input)", Set: option.ToString(func(o *o) *string { return &o.list })},
		{Flag: "verify", Kind: option.Bool, Usage: "hash an existing file even if the stored receipt matches", Set: option.ToBool(func(o *o) *bool { return &o.verify })},
		{Flag: "connections", Kind: option.Integer, Default: strconv.Itoa(fetch.DefaultConnections), Usage: "maximum number (`N`) of connections per host", Set: option.AtLeast(1, func(o *o) *int { return &o.fetcher.Connections })},
		{Flag: "limit-rate", Kind: option.Size, Usage: "maximum `SIZE` per second over all connections, such as 50MB", Set: option.ToSize(func(o *o) *int64 { return &o.fetcher.RateLimit })},
		{Flag: "timeout", Letter: "t", Kind: option.Duration, Default: "none", Usage: "give up after this `TIME`", Set: option.ToDuration(func(o *o) *time.Duration { return &o.timeout })},
		{Flag: "stall-timeout", Old: []string{"no-progress"}, Kind: option.Duration, Default: duration.Format(fetch.DefaultNoProgress), Usage: "give up when no byte has come for this `TIME`", Set: option.ToDuration(func(o *o) *time.Duration { return &o.fetcher.NoProgress })},
		{Flag: "retry-max-wait", Kind: option.Duration, Default: duration.Format(fetch.DefaultRetryMaxWait), Usage: "maximum `TIME` between two attempts, whatever a server asks for", Set: option.ToDuration(func(o *o) *time.Duration { return &o.fetcher.RetryMaxWait })},
		{Flag: "json", Key: option.NoKey, Kind: option.Bool, Usage: "print an object per file instead of its path", Set: option.ToBool(func(o *o) *bool { return &o.json })},
	}, option.Within(reached, func(o *o) *connection { return &o.connection })...)
}

func fetchCommand(c *call) *definition {
	own := fileOptions(c.env)
	return define(c, spec[fetchOptions]{
		usage:       []string{"inith fetch [OPTION...] SOURCE DEST [-- CMD ARG...]", "inith fetch [OPTION...] -f models.yaml [-- CMD ARG...]"},
		description: func() string { return fetchDescription },
		exits:       [][2]string{{"3", "the content is not what was asked for"}},
		child:       becomesChild,
		table: option.Table[fetchOptions]{
			Options: append(own, listOptions(c.env)...),
			Check: func(o *fetchOptions, given option.Given) error {
				err := checkSourceAndDest(o, given, c.child)
				if err == nil && o.list != "" {
					err = checkListed(own, given)
				}
				return err
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
	case dests > 1:
		return fmt.Errorf("want one DEST, got %d; -f models.yaml fetches several files", dests)
	case o.file.Dest == "":
		return errors.New("no DEST: inith fetch URL DEST")
	case o.file.Dest == "-" && child != nil:
		return errors.New("DEST - and a command after -- exclude each other")
	}
	return modelsfile.Check(&o.file, given)
}

// checkListed reports options of a single file that a list would ignore. The minimum evidence holds for all its entries.
func checkListed(own []option.Option[fetchOptions], given option.Given) error {
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
		files = []fetch.File{o.file}
	}
	if o.list != "" {
		var err error
		if files, err = modelsfile.Read(given.Name("file"), o.list, env); err != nil {
			return nil, err
		}
	}
	for i := range files {
		files[i].Verify = o.verify
		files[i].Evidence = max(files[i].Evidence, o.file.Evidence)
	}
	return files, nil
}

func fetchStepTable(env environment.Variables) option.Table[fetchOptions] {
	own := option.Entries(fileOptions(env))
	for i := range own {
		own[i].Required = false // a step may have a list of files instead
	}
	several := option.List("files", "several files", modelsfile.Table(env), func(o *fetchOptions, f fetch.File) { o.files = append(o.files, f) })
	return option.Table[fetchOptions]{
		Options: append(append(own, several), listOptions(env)...),
		Short:   "files",
		Check: func(o *fetchOptions, given option.Given) error {
			switch {
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

// A fetchJob is a download that is ready to run.
type fetchJob struct {
	session session
	fetcher *fetch.Fetcher
	files   []fetch.File
	timeout time.Duration // zero: none
	json    bool
	results []fetch.Result

	mu        sync.Mutex // of transfers
	transfers []*fetch.Transfer
}

func openFetch(s session, o *fetchOptions, files []fetch.File, given option.Given) (*fetchJob, error) {
	err := o.connection.check(given)
	if err != nil {
		return nil, err
	}
	if o.fetcher.RetryMaxWait == 0 {
		return nil, given.Errorf("retry-max-wait", "there must be a limit")
	}
	j := &fetchJob{session: s, fetcher: &o.fetcher, files: files, timeout: o.timeout, json: o.json}
	if err := o.configure(s); err != nil {
		return nil, err
	}
	return j, j.open()
}

// configure completes the fetcher by what the process has.
func (o *fetchOptions) configure(s session) error {
	f := &o.fetcher
	f.Stdout, f.Logger, f.TLS = s.Stdout, s.Log, o.connection.tls
	if f.NoProgress == 0 {
		f.NoProgress = -1
	}
	if limit, ok := cgroup.Cgroup(os.DirFS("/")); ok {
		f.MemoryLimit, f.MemoryFree = limit.Max, limit.Free()
	}
	f.Proxy = func(target *url.URL) (*url.URL, error) {
		if o.connection.proxy != nil {
			return o.connection.proxy, nil
		}
		return http.ProxyFromEnvironment(&http.Request{URL: target})
	}
	var err error
	f.DiskLimit, err = ephemeralLimit(s.env)
	return err
}

// ephemeralLimit returns how much may be written where Kubernetes counts it: the downward API puts
// limits.ephemeral-storage into a variable, as a number of bytes.
func ephemeralLimit(env environment.Variables) (int64, error) {
	const name = "INITH_FETCH_EPHEMERAL_LIMIT"
	s, ok := env.Lookup(name)
	if !ok {
		return 0, nil
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n < 1 {
		return 0, fmt.Errorf("$%s: want a number of bytes, as resourceFieldRef gives it", name)
	}
	return n, nil
}

// open opens all files, so that every error is reported before the first request.
func (j *fetchJob) open() error {
	var transfers []*fetch.Transfer
	taken := map[string]bool{}
	for _, file := range j.files {
		t, err := j.fetcher.Open(file)
		if err != nil {
			return fmt.Errorf("%s: %w", redact.URL(file.URL), err)
		}
		if path := t.Path(); taken[path] && path != "" {
			return fmt.Errorf("two files have the destination %q", path)
		}
		taken[t.Path()] = true
		transfers = append(transfers, t)
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	j.transfers = transfers
	return nil
}

func (j *fetchJob) run(ctx context.Context) (outcome string, err error) {
	j.results, err = j.fetch(ctx)
	for _, r := range j.results {
		if j.session.Live() && r.Evidence != fetch.EvidenceNone {
			j.session.Say("%s", sentence(r))
		}
	}
	return summary(j.results), err
}

// fetch fetches all files, and shows how they are going.
func (j *fetchJob) fetch(ctx context.Context) ([]fetch.Result, error) {
	ctx, cancel := withTimeout(ctx, j.timeout)
	defer cancel()
	log := j.session.Log
	log.InfoContext(ctx, "fetching", "files", len(j.files), "timeout", duration.FormatLimit(j.timeout), "stall_timeout", duration.FormatLimit(max(0, j.fetcher.NoProgress)))
	for _, t := range j.transfers {
		log.DebugContext(ctx, "to fetch", "source", t.Name(), "path", t.Path())
	}
	stop := view.WatchFetch(j.session.Output, len(j.transfers), j.statuses)
	defer stop()
	return j.fetchAll(ctx)
}

// fetchAll fetches all files at once. The first failure ends the others, whose partial files stay for the next run.
func (j *fetchJob) fetchAll(ctx context.Context) ([]fetch.Result, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	results := make([]fetch.Result, len(j.transfers))
	var wg sync.WaitGroup
	slots := make(chan struct{}, 4*fetch.DefaultConnections)
	for i, t := range j.transfers {
		slots <- struct{}{}
		if ctx.Err() != nil {
			break
		}
		wg.Go(func() {
			defer func() { <-slots }()
			var err error
			if results[i], err = t.Run(ctx); err != nil {
				cancel(err)
				return
			}
			j.logResult(results[i])
		})
	}
	wg.Wait()
	return results, j.unfinished(context.Cause(ctx))
}

func (j *fetchJob) statuses() []fetch.Status {
	j.mu.Lock()
	defer j.mu.Unlock()
	all := make([]fetch.Status, len(j.transfers))
	for i, t := range j.transfers {
		all[i] = t.Status()
	}
	return all
}

// unfinished adds to the end of a deadline, or to a signal, how far the files came.
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

// An unfinishedError says how far a file came.
type unfinishedError struct {
	status fetch.Status
	cause  error
}

func (e *unfinishedError) Error() string {
	of := ""
	if e.status.Size >= 0 {
		of = " of " + bytesize.Text(e.status.Size)
	}
	text := fmt.Sprintf("fetch %s: %v; downloaded %s%s", e.status.Name, e.cause, bytesize.Text(e.status.Done), of)
	if e.status.Err != nil {
		text += "; last error: " + e.status.Err.Error()
	}
	return text
}

func (e *unfinishedError) Unwrap() error { return e.cause }

// logResult logs how a file was fetched.
func (j *fetchJob) logResult(r fetch.Result) {
	log := j.session.Log.With("source", r.Source, "path", r.Path, "bytes", r.Size, "digest", r.Digest.String(), "evidence", r.Evidence.String())
	if r.Skipped {
		log.Info("up to date")
		return
	}
	perSecond := int64(float64(r.Fetched) / max(r.Elapsed.Seconds(), 1e-3))
	log.Info("fetched", "elapsed_seconds", view.Seconds(r.Elapsed), "bytes_per_second", perSecond, "resumed_bytes", r.Resumed, "retries", r.Retries)
}

// sentence says to a person how a file was fetched.
func sentence(r fetch.Result) string {
	what := fmt.Sprintf("%s: %s, %s (evidence: %s)", cmp.Or(r.Path, r.Source), bytesize.Text(r.Size), r.Digest, r.Evidence)
	if r.Skipped {
		return what + ", up to date"
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
	return fmt.Sprintf("fetched: %s of %s, %d up to date, %s downloaded", view.Count(len(results), "file"), bytesize.Text(size), skipped, bytesize.Text(fetched))
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

// print writes the results to the standard output, which has the bytes if they were asked for there.
func (j *fetchJob) print() error {
	out := bufio.NewWriter(j.session.Stdout)
	for _, r := range j.results {
		switch {
		case r.Path == "":
		case j.json:
			line, _ := json.Marshal(jsonResult{
				Source: r.Source, Path: r.Path, Size: r.Size, Digest: r.Digest.String(), Evidence: r.Evidence.String(),
				Skipped: r.Skipped, Fetched: r.Fetched, Resumed: r.Resumed, Retries: r.Retries, Seconds: r.Elapsed.Seconds(),
			})
			_, _ = out.Write(append(line, '\n'))
		default:
			_, _ = out.WriteString(r.Path + "\n")
		}
	}
	return out.Flush()
}

// Run fetches, as a step of a plan.
func (j *fetchJob) Run(ctx context.Context) error {
	err := j.open() // again: earlier steps may have created directories
	if err != nil {
		return err
	}
	_, err = j.fetch(ctx)
	return err
}

// Describe returns what the step would do.
func (j *fetchJob) Describe() string {
	var all []string
	for i, t := range j.transfers {
		evidence := "no digest"
		if f := j.files[i]; f.Digest != (fetch.Digest{}) {
			evidence = f.Digest.String()
		} else if f.SumsURL != nil {
			evidence = "digest from a list"
		}
		all = append(all, fmt.Sprintf("%s to %s (%s)", t.Name(), t.Path(), evidence))
	}
	return strings.Join(all, ", ")
}

// Status returns how far the files are.
func (j *fetchJob) Status() string { return view.FetchStatus(j.statuses()) }
