package view

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

// WatchFetch shows n transfers until stop, which returns when nothing more is written.
func WatchFetch(o Output, n int, statuses func() []fetch.Status) (stop func()) {
	var view fetchView = &fetchLog{log: o.Log, rates: newRates(n), logged: make([]loggedProgress, n)}
	every := time.Second
	if o.Live() {
		view, every = &fetchBars{screen: o.Screen, rows: o.Screen.Rows(), rates: newRates(n)}, redraw
	}
	end := retry.Every(every, func() { view.show(statuses()) })
	return func() {
		end()
		view.end(statuses())
	}
}

// A fetchLog writes a line for each file every 10 s or 10 %, whichever is earlier, but not more than one a second.
type fetchLog struct {
	log    *slog.Logger
	rates  []rate
	logged []loggedProgress
}

type loggedProgress struct {
	at     time.Time
	tenths int64
}

func (v *fetchLog) show(all []fetch.Status) {
	for i, s := range all {
		last := &v.logged[i]
		perSecond := v.rates[i].update(s.Fetched)
		tenths := percent(s) / 10
		if s.Phase == fetch.Queued || s.Phase == fetch.Done || tenths == last.tenths && time.Since(last.at) < 10*time.Second {
			continue
		}
		last.at, last.tenths = time.Now(), tenths
		attrs := []any{"source", s.Name, "state", s.Phase.String(), "bytes", s.Done}
		if s.Size >= 0 {
			attrs = append(attrs, "size", s.Size)
		}
		attrs = append(attrs, "bytes_per_second", perSecond, "connections", s.Connections, "retries", s.Retries)
		if s.Err != nil {
			attrs = append(attrs, "last_err", s.Err)
		}
		v.log.Info("progress", attrs...)
	}
}

// end does nothing: the job reports the results.
func (*fetchLog) end([]fetch.Status) {}

// fetchBars draws a row with a bar for each file.
type fetchBars struct {
	screen *Screen
	rows   *terminal.Rows
	rates  []rate
}

func (v *fetchBars) show(all []fetch.Status) { v.draw(all, fetchRow) }

// end marks the files that are not complete: their last row must not look as if they went on.
func (v *fetchBars) end(all []fetch.Status) {
	v.draw(all, func(name string, s fetch.Status, perSecond int64, columns int) terminal.Row {
		row := fetchRow(name, s, perSecond, columns)
		if s.Phase != fetch.Done {
			row.Mark, row.Color = "✗", terminal.Red
		}
		return row
	})
}

func (v *fetchBars) draw(all []fetch.Status, draw func(name string, s fetch.Status, perSecond int64, columns int) terminal.Row) {
	columns, _ := v.screen.Size()
	names := make([]string, len(all))
	for i, s := range all {
		name, _, _ := strings.Cut(s.Name, "?")
		names[i] = path.Base(name)
	}
	names = terminal.Fit(names, nameWidth(columns))
	rows := make([]terminal.Row, len(all))
	for i, s := range all {
		rows[i] = draw(names[i], s, v.rates[i].update(s.Fetched), columns)
	}
	_ = v.rows.Draw(rows) // a terminal that is gone does not end the transfer
}

// fetchRow draws one file, such as
// "model.bin  [=====     ]  52 %   1.1 GiB 83.1 MiB/s   6s  8 conn", in 80 columns; in more, the name has more.
func fetchRow(name string, s fetch.Status, perSecond int64, columns int) terminal.Row {
	const barWidth = 10
	bar, share, left := strings.Repeat(" ", barWidth), "     ", "    "
	if s.Size > 0 {
		full := int(barWidth * percent(s) / 100)
		bar = fmt.Sprintf("%-*.*s", barWidth, full, "==========")
		share = fmt.Sprintf("%3d %%", percent(s))
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
	row.Text = fmt.Sprintf("%-*s [%s] %s %9s %s", nameWidth(columns), name, bar, share, bytesize.Text(total(s)), state)
	return row
}

// nameWidth returns the columns that a name has: 18 of 80, and half of what a wider terminal has more.
func nameWidth(columns int) int { return 18 + max(0, columns-80)/2 }

// total returns the size of a file, or how much of it has come while the size is not known.
func total(s fetch.Status) int64 {
	if s.Size >= 0 {
		return s.Size
	}
	return s.Done
}

// percent returns how much of a file has come, from 0 to 100. A file whose content was wrong may have come twice.
func percent(s fetch.Status) int64 {
	if s.Size <= 0 {
		return 0
	}
	return min(100, 100*s.Done/s.Size)
}

// FetchStatus returns how far files are, in a cell of a row.
func FetchStatus(all []fetch.Status) string {
	var done, size int64
	connections := 0
	for _, s := range all {
		done, size, connections = done+s.Done, size+max(s.Size, s.Done), connections+s.Connections
	}
	if size == 0 {
		return ""
	}
	return fmt.Sprintf("%3d %% of %s, %d conn", min(100, 100*done/size), bytesize.Text(size), connections)
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

// update returns the rate, given how many bytes have come in total.
func (r *rate) update(n int64) int64 {
	const over = 2 // seconds
	now := time.Now()
	elapsed := now.Sub(r.at).Seconds()
	share := elapsed / min(over, now.Sub(r.begun).Seconds()) // of the newest value
	r.mean += min(1, share) * (float64(n-r.bytes)/max(elapsed, 1e-3) - r.mean)
	r.at, r.bytes = now, n
	return int64(r.mean)
}
