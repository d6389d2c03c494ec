package metrics

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/prometheus/statsd_exporter/pkg/mapper"
	"github.com/prometheus/statsd_exporter/pkg/mappercache/lru"
	"github.com/prometheus/statsd_exporter/pkg/mappercache/randomreplacement"

	"github.com/inith/inith/internal/usererr"
)

// mappings loads the mapping file, and again when it changes.
type mappings struct {
	file   string // "" for none
	mapper *mapper.MetricMapper
	store  *store
	self   *self
	log    *slog.Logger

	mu     sync.Mutex
	loaded []byte      // what was read last, right or wrong
	info   os.FileInfo // of the file that it was read from
}

func newCache(o Mapping, s *self) (mapper.MetricMapperCache, error) {
	switch {
	case o.CacheSize <= 0:
		return nil, nil //nolint:nilnil // no cache
	case o.Random:
		return randomreplacement.NewMetricMapperRRCache(s.registry, o.CacheSize)
	default:
		return lru.NewMetricMapperLRUCache(s.registry, o.CacheSize)
	}
}

// maxMapping is the size of the largest mapping file. A ConfigMap holds at most 1 MiB.
const maxMapping = 2 << 20

// load reads the file. If there is something wrong with it, the mapping stays as it was.
func (m *mappings) load() error {
	if m.file == "" {
		return nil
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	text, err := m.read()
	if err != nil {
		return err
	}
	if err := checkMapping(text); err != nil {
		err.File = m.file
		return err
	}
	m.store.mu.Lock()
	defer m.store.mu.Unlock()
	m.store.shortcuts.forget()
	return m.mapper.InitFromYAMLString(string(text))
}

func (m *mappings) read() ([]byte, error) {
	f, err := os.Open(filepath.Clean(m.file))
	if err != nil {
		return nil, usererr.File("mapping", m.file, err)
	}
	defer func() { _ = f.Close() }()
	if m.info, err = f.Stat(); err != nil {
		return nil, usererr.File("mapping", m.file, err)
	}
	m.loaded, err = io.ReadAll(io.LimitReader(f, maxMapping+1))
	if err != nil {
		return nil, usererr.File("mapping", m.file, err)
	}
	if len(m.loaded) > maxMapping {
		return nil, fmt.Errorf("mapping %s: larger than 2 MiB", m.file)
	}
	return m.loaded, nil
}

// reload loads the file, and says and counts how that went.
func (m *mappings) reload(ctx context.Context, cause string) error {
	if m.file == "" {
		m.log.WarnContext(ctx, "no mapping to load", "cause", cause)
		return nil
	}
	err := m.load()
	if err != nil {
		m.self.reloads.WithLabelValues("failure").Inc()
		m.log.ErrorContext(ctx, "mapping not loaded, the old one stays", "cause", cause, "err", err.Error())
		return err
	}
	m.self.reloads.WithLabelValues("success").Inc()
	m.log.InfoContext(ctx, "mapping loaded", "cause", cause)
	return nil
}

// watch loads the file when it is asked to, and when it has changed. The kubelet replaces a symbolic link in the directory
// of a ConfigMap, which is seen here as another file under the same name.
func (m *mappings) watch(ctx context.Context, hangups <-chan struct{}) {
	const pace = time.Second
	tick := time.NewTicker(pace)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-hangups:
			_ = m.reload(ctx, "SIGHUP") // it has been logged
		case <-tick.C:
			if m.changed() {
				_ = m.reload(ctx, "the file has changed") // it has been logged
			}
		}
	}
}

// changed reports whether the file has another content than that which was read last. A file that is missing keeps the
// mapping.
func (m *mappings) changed() bool {
	if m.file == "" {
		return false
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	info, err := os.Stat(m.file)
	if err != nil || os.SameFile(info, m.info) && info.ModTime().Equal(m.info.ModTime()) && info.Size() == m.info.Size() {
		return false
	}
	before := m.loaded
	text, err := m.read()
	return err == nil && !bytes.Equal(before, text)
}

// dump writes the automaton of a mapping.
func dump(m *mapper.MetricMapper, file string) error {
	if file == "" || m.FSM == nil {
		return nil
	}
	var b bytes.Buffer
	m.FSM.DumpFSM(&b)
	if err := os.WriteFile(file, b.Bytes(), 0o644); err != nil { //nolint:gosec // a graph for everybody
		return usererr.File("--debug.dump-fsm", file, err)
	}
	return nil
}
