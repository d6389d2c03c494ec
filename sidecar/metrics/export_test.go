package metrics

import (
	"github.com/prometheus/client_golang/prometheus"
)

// Handle handles a packet as if a socket had received it.
func (s *Server) Handle(packet []byte) {
	s.handlePackets(append(append([]byte(nil), packet...), '\n'))
}

// WithoutShortcuts has each line take the whole way.
func (s *Server) WithoutShortcuts() { s.store.shortcuts.max = -1 }

// Gatherer returns what is served.
func (s *Server) Gatherer() prometheus.Gatherer { return s.self.registry }

// CheckMapping returns what is wrong with a mapping.
func CheckMapping(text []byte) error {
	if err := checkMapping(text); err != nil {
		return err
	}
	return nil
}
