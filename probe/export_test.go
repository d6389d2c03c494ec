package probe

import "net"

// SelfConnected is selfConnected, for its test.
var SelfConnected = selfConnected

// SetResolver has a target ask r instead of the name servers of this host.
func SetResolver(t *Target, r *net.Resolver) { t.dialer.resolver = r }
