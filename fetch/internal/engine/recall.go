package engine

import (
	"context"

	"github.com/inith/inith/fetch/internal/store"
	"github.com/inith/inith/fetch/source"
)

// learn notes the digest of a content that is not the wanted one. When all of it was
// fetched twice with the same digest, no bit was lost on the way: later runs know what the
// object is, until it changes.
func (a *attempt) learn(m *MismatchError) {
	d := a.download
	if len(a.found) > 0 && a.found[0] == m.Got && d.validator != "" && a.Want != (source.Digest{}) {
		a.Dest.Keep(store.Finding{
			Source: ID(a.Source), Size: d.ranges.size.Load(), Validator: d.validator, Digest: m.Got.String(), Looks: m.Looks,
		})
	}
	a.found = append(a.found, m.Got)
}

// earlier returns what an earlier run found, if that is not what is wanted; else nil.
func (a *attempt) earlier() *store.Finding {
	f, ok := a.Dest.Finding(ID(a.Source))
	got := source.AnyDigest(f.Digest)
	if !ok || got.Algorithm != a.Want.Algorithm || got == a.Want {
		return nil
	}
	return &f
}

// recall asks the server whether the object is still the one that an earlier run found to
// be another than the wanted one.
//
// Next: ask, if it has changed.
func (a *attempt) recall(ctx context.Context) (stateFunc, error) {
	f := a.earlier()
	now, err := a.stat(ctx)
	if err == nil && now.Validator == f.Validator && now.Size == f.Size {
		return nil, &MismatchError{Want: a.Want, Got: source.AnyDigest(f.Digest), Looks: f.Looks, Earlier: true}
	}
	return a.ask, nil
}
