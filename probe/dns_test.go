package probe_test

import (
	"testing"

	"github.com/inith/inith/probe"
)

func TestDNS(t *testing.T) {
	t.Parallel()
	server := nameServer(t, func(name string, kind uint16) ([]string, byte) {
		switch {
		case name == "broken.test":
			return nil, servFail
		case name != "app.test":
			return nil, noName
		case kind == typeA:
			return []string{"\x0a\x00\x00\x01", "\x0a\x00\x00\x02", "\x0a\x00\x00\x02"}, noError
		case kind == typeTXT:
			return []string{textRecord("one")}, noError
		case kind == typeSRV:
			return []string{srvRecord("a.app.test", "80"), srvRecord("b.app.test", "80")}, noError
		}
		return nil, noError
	})
	for tail, tt := range map[string]struct {
		want verdict
		text string
	}{
		"app.test":                {ready, ""},
		"app.test.?type=A":        {ready, ""},
		"app.test?type=a#min=2":   {ready, ""},
		"app.test?type=A#min=3":   {notYet, "2 of at least 3 records (A)"},
		"app.test?type=AAAA":      {notYet, "the name does not exist, or has no record"},
		"app.test?type=TXT":       {ready, ""},
		"app.test?type=SRV#min=2": {ready, ""},
		"app.test?type=SRV#min=3": {notYet, "2 of at least 3 records (SRV)"},
		"other.test":              {notYet, "the name does not exist, or has no record"},
		"other.test#level=proto":  {ready, ""},
		"broken.test":             {notYet, "the name server answered that it cannot resolve the name"},
		"broken.test#level=proto": {notYet, "the name server answered that it cannot resolve the name"},
	} {
		check(t, "dns://"+server+"/"+tail, tt.want, tt.text)
	}
	target := open(t, "dns://app.test?type=A#min=2", probe.Options{})
	probe.SetResolver(target, resolverAt(server))
	checkVerdict(t, target.Probe(t.Context()), ready, "")
	if target.Name != "dns://app.test?…" {
		t.Errorf("name %q", target.Name)
	}
	for raw, want := range map[string]string{
		"dns://app?type=X": "the type is none of", "dns://app:54": "a port belongs to a name server", "dns://s/a/b": "want dns://name",
		"dns:///name": "want dns://name", "dns://app#min=0": "at least 1", "dns://app?x=1": "unknown query key", "dns://app#level=tcp": "no level tcp",
	} {
		_, err := probe.Open(raw, probe.Options{})
		checkVerdict(t, err, notYet, want)
	}
}
