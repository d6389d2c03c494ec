// Package requestlog keeps what simulated servers were asked for.
package requestlog

import (
	"slices"
	"strings"
	"sync"
)

// A Log has requests, in their order. The zero value is ready to use, by several goroutines.
type Log struct {
	mu  sync.Mutex
	all []string
}

// Add adds a request, such as "GET /path".
func (l *Log) Add(request string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all = append(l.all, request)
}

// Requests returns the requests until now that contain a string.
func (l *Log) Requests(part string) []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(l.all), func(r string) bool { return !strings.Contains(r, part) })
}
