package store

import (
	"encoding/json"
	"os"
	"slices"
)

const findingsSuffix = ".findings"

// A Finding says which digest a version of an object has, where another one was wanted:
// a later run need not download it again to find the same.
type Finding struct {
	Version   int    `json:"version"`
	Source    string `json:"source"` // the [ID] of the URL without its query
	Size      int64  `json:"size"`   // bytes
	Validator string `json:"validator"`
	Digest    string `json:"digest"`
	Looks     string `json:"looks,omitempty"` // what the content looks like
}

// Finding returns what an earlier run found of a source. It counts only where nobody else
// can have written it.
func (d *Destination) Finding(source string) (f Finding, ok bool) {
	all := d.findings()
	i := slices.IndexFunc(all, func(f Finding) bool { return f.Source == source })
	if i < 0 {
		return Finding{}, false
	}
	return all[i], true
}

func (d *Destination) findings() []Finding {
	if d.own == nil || !d.safe {
		return nil
	}
	var all []Finding
	b, err := d.own.read(d.state + findingsSuffix)
	if err != nil || json.Unmarshal(b, &all) != nil {
		return nil
	}
	return slices.DeleteFunc(all, func(f Finding) bool { return f.Version != stateVersion })
}

// Keep writes a finding, in place of the one of the same source. Without it the next run
// has more to do.
func (d *Destination) Keep(f Finding) {
	const most = 16 // sources
	f.Version = stateVersion
	others := slices.DeleteFunc(d.findings(), func(other Finding) bool { return other.Source == f.Source })
	all := append([]Finding{f}, others...)
	b, err := json.Marshal(all[:min(len(all), most)])
	if err != nil || !d.safe {
		return
	}
	_ = d.own.rewrite(d.state+findingsSuffix, 0o600, func(f *os.File) error { // half of it would not count
		_, err := f.Write(append(b, '\n'))
		return err
	})
}

// forget removes the findings.
func (d *Destination) forget() {
	if d.own != nil {
		_ = d.own.remove(d.state + findingsSuffix)
	}
}
