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
	"github.com/inith/inith/cmd/inith/internal/option"
	"github.com/inith/inith/cmd/inith/internal/view"
	"github.com/inith/inith/fetch"
	"github.com/inith/inith/internal/bytesize"
	"github.com/inith/inith/internal/cgroup"
	"github.com/inith/inith/internal/duration"
)

// A fetchJob is a download that is ready to run.
type fetchJob struct {
	session session
	fetcher *fetch.Fetcher
	files   []fetch.File
	timeout time.Duration // zero: none
	json    bool
	results []fetch.Result

	mu    sync.Mutex // of batch
	batch *fetch.Batch
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
	f.Stdout, f.Logger, f.TLS = s.Stdout, s.Log, fetch.TLS(o.connection.tls)
	if f.StallTimeout == 0 {
		f.StallTimeout = -1
	}
	if limit, ok := cgroup.Cgroup(os.DirFS("/")); ok {
		f.MemoryLimit, f.MemoryFree = limit.Max, limit.Free()
	}
	if err := o.connection.checkProxies(s.env); err != nil {
		return err
	}
	f.Proxy = func(target *url.URL) (*url.URL, error) {
		if o.connection.proxy != nil {
			return o.connection.proxy, nil
		}
		return http.ProxyFromEnvironment(&http.Request{URL: target})
	}
	var err error
	if f.Hub, err = hub(s.env); err != nil {
		return err
	}
	if f.S3, err = s3(s.env); err != nil {
		return err
	}
	f.OCI = oci(s.env, o.registryConfig)
	f.S3.Anonymous = f.S3.Anonymous || o.unsigned
	if f.GCS, err = gcs(s.env); err != nil {
		return err
	}
	if f.Azure, err = azure(s.env); err != nil {
		return err
	}
	f.GCS.Anonymous, f.Azure.Anonymous = o.unsigned, o.unsigned
	if f.TLS != (fetch.TLS{}) { // a flag overrides a variable
		f.S3.TLS = fetch.TLS{}
	}
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
	batch, err := j.fetcher.OpenAll(j.files)
	if err != nil {
		return err
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
	log.InfoContext(ctx, "fetching", "files", len(j.files), "timeout", duration.FormatLimit(j.timeout), "stall_timeout", duration.FormatLimit(max(0, j.fetcher.StallTimeout)))
	for _, t := range j.opened().Transfers() {
		log.DebugContext(ctx, "to fetch", "source", t.Name(), "path", t.Path())
	}
	stop := view.WatchFetch(j.session.Output, len(j.files), j.statuses)
	defer stop()
	results, err := j.opened().Run(ctx, j.logResult)
	return results, j.unfinished(err)
}

func (j *fetchJob) statuses() []fetch.Status { return j.opened().Status() }

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
	log := j.session.Log.With("source", r.Source, "path", r.Path, "bytes", r.Size)
	if r.Files > 0 {
		log = log.With("files", r.Files)
	} else {
		log = log.With("digest", r.Digest.String())
	}
	if r.Commit != "" {
		log = log.With("commit", r.Commit)
	}
	log = log.With("evidence", r.Evidence.String())
	if r.Skipped {
		log.Info("up to date")
		return
	}
	if r.Cached > 0 {
		log = log.With("cached_bytes", r.Cached)
	}
	perSecond := int64(float64(r.Fetched) / max(r.Elapsed.Seconds(), 1e-3))
	log.Info("fetched", "elapsed_seconds", view.Seconds(r.Elapsed), "bytes_per_second", perSecond, "resumed_bytes", r.Resumed, "retries", r.Retries)
}

// sentence says to a person how a file was fetched.
func sentence(r fetch.Result) string {
	of := r.Digest.String()
	if r.Files > 0 {
		of = view.Count(r.Files, "file")
	}
	what := fmt.Sprintf("%s: %s, %s (evidence: %s)", cmp.Or(r.Path, r.Source), bytesize.Text(r.Size), of, r.Evidence)
	if r.Skipped {
		return what + ", up to date"
	}
	return fmt.Sprintf("%s, in %v", what, r.Elapsed.Round(100*time.Millisecond))
}

// summary is the outcome for the termination log.
func summary(results []fetch.Result) string {
	var size, fetched, cached int64
	skipped, files := 0, 0
	for _, r := range results {
		cached += r.Cached
		size, fetched, files = size+r.Size, fetched+r.Fetched, files+max(1, r.Files)
		if r.Skipped {
			skipped += max(1, r.Files)
		}
	}
	text := fmt.Sprintf("fetched: %s of %s, %d up to date, %s downloaded", view.Count(files, "file"), bytesize.Text(size), skipped, bytesize.Text(fetched))
	if cached > 0 {
		text += fmt.Sprintf(", %s from the cache", bytesize.Text(cached))
	}
	return text
}

// jsonResult is a line of --json.
type jsonResult struct {
	Source   string  `json:"source"`
	Path     string  `json:"path"`
	Size     int64   `json:"size"`
	Digest   string  `json:"digest,omitempty"` // of a file
	Files    int     `json:"files,omitempty"`  // of a directory
	Commit   string  `json:"commit,omitempty"`
	Evidence string  `json:"evidence"`
	Skipped  bool    `json:"skipped"`
	Fetched  int64   `json:"fetched"`
	Resumed  int64   `json:"resumed"`
	Cached   int64   `json:"cached"`
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
				Source: r.Source, Path: r.Path, Size: r.Size, Digest: r.Digest.String(), Files: r.Files, Commit: r.Commit, Evidence: r.Evidence.String(),
				Skipped: r.Skipped, Fetched: r.Fetched, Resumed: r.Resumed, Cached: r.Cached, Retries: r.Retries, Seconds: r.Elapsed.Seconds(),
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
	for i, t := range j.opened().Transfers() {
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
