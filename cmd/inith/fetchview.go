package main

import (
	"fmt"
	"log/slog"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/inith/inith/fetch"
	"github.com/inith/inith/internal/bytesize"
	"github.com/inith/inith/internal/retry"
	"github.com/inith/inith/internal/terminal"
)

// A fetchView shows transfers to a person.
type fetchView interface {
	// show shows how they are going.
	show(all []fetch.Status)
	// end shows how they have ended.
	end(all []fetch.Status)
}

// watch shows the transfers until stop, which returns when nothing more is
// written.
func (j *fetchJob) watch() (stop func()) {
	view, every := j.newView()
	end := retry.Every(every, func() { view.show(j.statuses()) })
	return func() {
		end()
		view.end(j.statuses())
	}
}

func (j *fetchJob) newView() (fetchView, time.Duration) {
	if j.live() {
		_, plain := j.lookup("NO_COLOR")
		return &fetchBars{rows: terminal.New(j.stderr, j.size, !plain), rates: newRates(len(j.files))}, redraw
	}
	log := j.logger()
	log.Info("fetching", "files", len(j.files), "timeout", shortDuration(j.timeout), "no_progress", shortDuration(max(0, j.fetcher.StallTimeout)))
	for _, t := range j.opened().Transfers() {
		log.Debug("to fetch", "source", t.Name(), "path", t.Path())
	}
	return &fetchLog{log: log, rates: newRates(len(j.files)), told: make([]toldProgress, len(j.files))}, time.Second
}

func (j *fetchJob) statuses() []fetch.Status { return j.opened().Status() }

// A fetchLog writes a line for each file every 10 s or 10 %, whichever is
// earlier, but not more than one a second.
type fetchLog struct {
	log   *slog.Logger
	rates []rate
	told  []toldProgress
}

type toldProgress struct {
	at     time.Time
	tenths int64
}

func (v *fetchLog) show(all []fetch.Status) {
	for i, s := range all {
		last := &v.told[i]
		perSecond := v.rates[i].update(s.Fetched)
		tenths := int64(0)
		if s.Size > 0 {
			tenths = 10 * s.Done / s.Size
		}
		if s.Phase == fetch.Queued || s.Phase == fetch.Done || tenths == last.tenths && time.Since(last.at) < 10*time.Second {
			continue
		}
		last.at, last.tenths = time.Now(), tenths
		attrs := []any{"source", s.Name, "state", s.Phase.String(), "done", bytesize.Text(s.Done)}
		if s.Size >= 0 {
			attrs = append(attrs, "size", bytesize.Text(s.Size))
		}
		attrs = append(attrs, "rate", bytesize.Text(perSecond)+"/s", "connections", s.Connections, "retries", s.Retries)
		if s.Err != nil {
			attrs = append(attrs, "last_err", s.Err)
		}
		v.log.Info("progress", attrs...)
	}
}

// end leaves it to who reports the results.
func (*fetchLog) end([]fetch.Status) {}

// fetchBars draws a row with a bar for each file.
type fetchBars struct {
	rows  *terminal.Rows
	rates []rate
}

func (v *fetchBars) show(all []fetch.Status) {
	rows := make([]terminal.Row, len(all))
	for i, s := range all {
		rows[i] = fetchRow(s, v.rates[i].update(s.Fetched))
	}
	_ = v.rows.Draw(rows) // that the terminal is gone is no reason to stop
}

func (v *fetchBars) end(all []fetch.Status) { v.show(all) }

// fetchRow draws one file, such as
// "model.bin  [=====     ]  52 %   1.1 GiB 83.1 MiB/s   6s  8 conn", in 80 columns.
func fetchRow(s fetch.Status, perSecond int64) terminal.Row {
	const width = 10
	bar, percent, left := fmt.Sprintf("%*s", width, ""), "     ", "    "
	if s.Size > 0 {
		full := int(width * s.Done / s.Size)
		bar = fmt.Sprintf("%-*.*s", width, full, "==========")
		percent = fmt.Sprintf("%3d %%", 100*s.Done/s.Size)
		if perSecond > 0 && s.Phase == fetch.Fetching {
			left = fmt.Sprintf("%4s", (time.Duration((s.Size-s.Done)/perSecond) * time.Second).String())
		}
	}
	row := terminal.Row{Mark: "…", Color: terminal.Yellow}
	state := fmt.Sprintf("%9s/s %s %2d conn", bytesize.Text(perSecond), left, s.Connections)
	if s.Phase != fetch.Fetching {
		state = s.Phase.String()
	}
	if s.Phase == fetch.Done {
		row = terminal.Row{Mark: "✓", Color: terminal.Green, Minor: true}
	}
	if s.Retries > 0 {
		state += fmt.Sprintf(" %d retries", s.Retries)
	}
	name, _, _ := strings.Cut(s.Name, "?")
	row.Text = fmt.Sprintf("%-18s [%s] %s %9s %s", terminal.Cut(path.Base(name), 18), bar, percent, bytesize.Text(max(s.Size, s.Done)), state)
	return row
}

// A rate is a moving average of bytes per second.
type rate struct {
	begun, at time.Time
	bytes     int64
	mean      float64
}

func newRates(n int) []rate {
	now := time.Now()
	return slices.Repeat([]rate{{begun: now, at: now}}, n)
}

// update returns the rate, given how many bytes have come in all.
func (r *rate) update(n int64) int64 {
	const over = 2 // seconds
	now := time.Now()
	elapsed := now.Sub(r.at).Seconds()
	share := elapsed / min(over, now.Sub(r.begun).Seconds()) // of the newest value
	r.mean += min(1, share) * (float64(n-r.bytes)/max(elapsed, 1e-3) - r.mean)
	r.at, r.bytes = now, n
	return int64(r.mean)
}
