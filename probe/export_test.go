package probe

import "net"

// SelfConnected is selfConnected, for its test.
var SelfConnected = selfConnected

// SetResolver has a target ask r instead of the name servers of this host.
func SetResolver(t *Target, r *net.Resolver) { t.dialer.resolver = r }

// JudgeObject judges one object of Kubernetes, as JSON.
func JudgeObject(raw string, object []byte) error {
	t, err := Open(raw, Options{})
	if err != nil {
		return err
	}
	p := t.prober.(*kubeObject) //nolint:forcetypeassert // of a test
	p.objects = map[string]opinion{}
	if err := p.keep(object); err != nil {
		return err
	}
	if p.selection.Name != "" { // whatever its name
		return p.weigh(object).err
	}
	return p.judge()
}
