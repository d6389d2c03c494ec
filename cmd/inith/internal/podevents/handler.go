package podevents

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"strconv"
	"strings"
	"sync"
)

// A line is what a log line becomes as an Event. {name} in the text stands for an attribute.
type line struct {
	message string // of the log line
	kind    string // Normal or Warning
	reason  string
	text    string
}

// lines is the table of log lines that are posted: of wait, fetch, migrate and run.
func lines() []line {
	return []line{
		{"not ready", "Warning", "NotReady", "{target}: {err}"},
		{"ready", "Normal", "Ready", "{target} is ready"},
		{"not down", "Warning", "NotDown", "{target}: {err}"},
		{"down", "Normal", "Down", "{target} is down"},
		{"progress", "Normal", "Fetching", "{source}: {percent} %"},
		{"fetched", "Normal", "Fetched", "{source}"},
		{"waiting for the lock", "Normal", "WaitingForLock", "{lock} is held by {holder}"},
		{"no lock yet", "Warning", "NoLock", "{lock}: {err}"},
		{"locked", "Normal", "Locked", "holds {lock}"},
		{"step failed", "Warning", "StepFailed", "{err}"},
		{"step failed, trying again", "Warning", "StepFailed", "{err}"},
	}
}

// Logger returns a log that also posts the lines of [lines]. What they hold is free of secrets, as the log is.
func (p *Poster) Logger(log *slog.Logger) *slog.Logger {
	return slog.New(&handler{Handler: log.Handler(), poster: p, quarters: &quarters{seen: map[string]int64{}}})
}

// A handler passes records on, and posts some.
type handler struct {
	slog.Handler

	poster   *Poster
	attrs    map[string]string
	quarters *quarters
}

// Enabled also wants what the log does not: it is quiet, or draws rows.
func (h *handler) Enabled(ctx context.Context, level slog.Level) bool {
	return level >= slog.LevelInfo || h.Handler.Enabled(ctx, level)
}

func (h *handler) Handle(ctx context.Context, r slog.Record) error {
	if r.Level >= slog.LevelInfo {
		for _, l := range lines() {
			if l.message == r.Message {
				h.post(l, r)
			}
		}
	}
	if !h.Handler.Enabled(ctx, r.Level) {
		return nil
	}
	return h.Handler.Handle(ctx, r)
}

func (h *handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	next := &handler{Handler: h.Handler.WithAttrs(attrs), poster: h.poster, attrs: map[string]string{}, quarters: h.quarters}
	maps.Copy(next.attrs, h.attrs)
	for _, a := range attrs {
		next.attrs[a.Key] = a.Value.String()
	}
	return next
}

func (h *handler) post(l line, r slog.Record) {
	attrs := maps.Clone(h.attrs)
	if attrs == nil {
		attrs = map[string]string{}
	}
	r.Attrs(func(a slog.Attr) bool {
		attrs[a.Key] = a.Value.String()
		return true
	})
	if l.message == "progress" && !h.quarters.add(attrs) {
		return
	}
	var pairs []string
	for key, value := range attrs {
		pairs = append(pairs, "{"+key+"}", value)
	}
	text := strings.NewReplacer(pairs...).Replace(l.text)
	if step := attrs["step"]; step != "" {
		text = fmt.Sprintf("step %s: %s", step, text)
	}
	h.poster.add(l.kind, l.reason, text)
}

// quarters are how many quarters of each file were posted.
type quarters struct {
	mu   sync.Mutex
	seen map[string]int64
}

// add reports whether another quarter of a file is done, and sets percent.
func (q *quarters) add(attrs map[string]string) bool {
	done, _ := strconv.ParseInt(attrs["bytes"], 10, 64)
	size, _ := strconv.ParseInt(attrs["size"], 10, 64)
	if size <= 0 {
		return false
	}
	quarter := min(4, 4*done/size)
	q.mu.Lock()
	defer q.mu.Unlock()
	if quarter <= q.seen[attrs["source"]] {
		return false
	}
	q.seen[attrs["source"]] = quarter
	attrs["percent"] = strconv.FormatInt(25*quarter, 10)
	return true
}
