package apiserver

import "maps"

const leases = "coordination.k8s.io/v1/leases/"

// LeaseSpec returns the spec of a Lease by namespace/name, nil if it is not there.
func (s *Server) LeaseSpec(name string) Object { return s.leasePart(name, "spec") }

// LeaseMetadata is as LeaseSpec.
func (s *Server) LeaseMetadata(name string) Object { return s.leasePart(name, "metadata") }

func (s *Server) leasePart(name, part string) Object {
	object, _ := s.Get(leases + name)[part].(Object)
	return maps.Clone(object)
}

// PutLease sets the spec of a Lease, as another client would.
func (s *Server) PutLease(name string, spec Object) { s.Put(leases+name, Object{"spec": spec}) }

// DeleteLease removes a Lease.
func (s *Server) DeleteLease(name string) { s.Delete(leases + name) }
