package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/inith/inith/cmd/inith/internal/option"
	"github.com/inith/inith/cmd/inith/internal/view"
	"github.com/inith/inith/fetch"
	"github.com/inith/inith/internal/bytesize"
)

const cacheListDescription = `Lists a cache of "inith fetch --cache DIR", the least recently used object first. A
line is: DIGEST SIZE LAST-USE, and "partial" for a download that was not completed.

EXAMPLE:
   inith cache ls /var/cache/inith`

const cachePruneDescription = `Removes objects from a cache of "inith fetch --cache DIR", the least recently used
first, and prints them. An object that a process downloads or copies stays. An
object of another user stays where DIR is sticky, unless root prunes it.

EXAMPLES:
   inith cache prune --unused-for 720h /var/cache/inith
   inith cache prune --cache-max 200GB /var/cache/inith`

const cacheVerifyDescription = `Hashes all objects of a cache of "inith fetch --cache DIR". A line is: DIGEST SIZE,
and "ok", "wrong" or "unreadable". It removes nothing: inith fetch does not use a
wrong object, and replaces it.

EXAMPLE:
   inith cache verify /var/cache/inith`

// cacheTable returns the options of inith cache: those that fetch has too are in the same fields.
func cacheTable(own ...option.Option[*fetchOptions]) option.Table[*fetchOptions] {
	type o = fetchOptions
	return option.Table[*o]{
		Options: append([]option.Option[*o]{
			{
				Arg: "DIR", Key: option.NoKey,
				Usage: "the directory of the cache",
				Set:   option.ToString(func(o *o) *string { return &o.fetcher.Cache }),
			},
			{
				Flag: "json", Key: option.NoKey, Kind: option.Bool,
				Usage: "print a JSON object per line",
				Set:   option.ToBool(func(o *o) *bool { return &o.json }),
			},
		}, own...),
		Check: func(o *o, given option.Given) error {
			switch {
			case len(given.Args) != 1 || o.fetcher.Cache == "":
				return errors.New("want the DIR of a cache, as in inith cache ls /var/cache/inith")
			case len(own) > 0 && o.fetcher.CacheMax == 0 && o.unused == 0:
				return errors.New("want --cache-max, --unused-for or both")
			}
			return nil
		},
	}
}

func cachePruneTable() option.Table[*fetchOptions] {
	type o = fetchOptions
	return cacheTable(
		option.Option[*o]{
			Flag: "cache-max", Key: option.NoKey, Kind: option.Size,
			Usage: "remove objects until the cache has no more than this `SIZE`",
			Set:   option.ToSize(func(o *o) *int64 { return &o.fetcher.CacheMax }),
		},
		option.Option[*o]{
			Flag: "unused-for", Key: option.NoKey, Kind: option.Duration,
			Usage: "remove objects that no process has used for this `TIME`",
			Set:   option.ToDuration(func(o *o) *time.Duration { return &o.unused }),
		})
}

func cacheListCommand(c *call) *definition {
	return defineCache(c, "ls", cacheListDescription, nil, cacheTable(), (*cacheJob).list)
}

func cachePruneCommand(c *call) *definition {
	return defineCache(c, "prune", cachePruneDescription, nil, cachePruneTable(), (*cacheJob).prune)
}

func cacheVerifyCommand(c *call) *definition {
	exits := [][2]string{{"3", "an object has other bytes than its digest says"}}
	return defineCache(c, "verify", cacheVerifyDescription, exits, cacheTable(), (*cacheJob).verify)
}

func defineCache(c *call, name, description string, exits [][2]string, table option.Table[*fetchOptions],
	work func(j *cacheJob, ctx context.Context) (string, error),
) *definition {
	return define(c, spec[*fetchOptions]{
		usage:       []string{"inith cache " + name + " [OPTION...] DIR"},
		description: func() string { return description },
		exits:       exits,
		table:       table,
		open: func(_ context.Context, s session, o *fetchOptions, _ option.Given) (job, error) {
			cache := fetch.Cache{Dir: o.fetcher.Cache}
			return &cacheJob{session: s, cache: cache, options: o, out: bufio.NewWriter(s.Stdout), work: work}, nil
		},
	})
}

// A cacheJob looks after a cache.
type cacheJob struct {
	session session
	cache   fetch.Cache
	options *fetchOptions
	out     *bufio.Writer
	work    func(j *cacheJob, ctx context.Context) (string, error)
}

// run prints what it has found, also where it fails then.
func (j *cacheJob) run(ctx context.Context) (outcome string, err error) {
	outcome, err = j.work(j, ctx)
	return outcome, errors.Join(err, j.out.Flush())
}

func (j *cacheJob) list(context.Context) (string, error) {
	all, err := j.cache.Objects()
	for _, o := range all {
		j.line(o, "")
	}
	return "", err
}

func (j *cacheJob) prune(ctx context.Context) (string, error) {
	n, size := 0, int64(0)
	err := j.cache.Prune(ctx, j.options.fetcher.CacheMax, j.options.unused, func(o fetch.CacheObject) {
		n, size = n+1, size+o.Size
		j.line(o, "")
	})
	return fmt.Sprintf("pruned: %s, %s", view.Count(n, "object"), bytesize.Text(size)), err
}

func (j *cacheJob) verify(ctx context.Context) (string, error) {
	n := 0
	err := j.cache.Verify(ctx, func(o fetch.CacheObject, err error) {
		n++
		j.line(o, verdictOf(err))
	})
	return "verified: " + view.Count(n, "object"), err
}

// verdictOf returns a word for what became of an object.
func verdictOf(err error) string {
	if err == nil {
		return "ok"
	}
	if isVerification(err) {
		return "wrong"
	}
	return "unreadable"
}

// line prints an object, with a verdict if it was verified.
func (j *cacheJob) line(o fetch.CacheObject, verdict string) {
	used := o.Used.UTC().Format(time.RFC3339)
	switch {
	case j.options.json:
		b, _ := json.Marshal(struct {
			Digest  string `json:"digest"`
			Size    int64  `json:"size"`
			Used    string `json:"used"`
			Partial bool   `json:"partial"`
			Verdict string `json:"verdict,omitempty"`
		}{o.Digest.String(), o.Size, used, o.Partial, verdict})
		fmt.Fprintf(j.out, "%s\n", b)
	case verdict != "":
		fmt.Fprintln(j.out, o.Digest, o.Size, verdict)
	case o.Partial:
		fmt.Fprintln(j.out, o.Digest, o.Size, used, "partial")
	default:
		fmt.Fprintln(j.out, o.Digest, o.Size, used)
	}
}
