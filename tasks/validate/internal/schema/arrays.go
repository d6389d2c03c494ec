package schema

import (
	"fmt"
	"strconv"

	"github.com/inith/inith/internal/document"
)

func (t *trail) item(i int) *trail { return &trail{t, "[" + strconv.Itoa(i) + "]"} }

// each evaluates a schema for the items from an index on.
func (e *evaluation) each(sub *subschema, from int, n *document.Node, at *trail, out *outcome) {
	for i := from; i < len(n.Items); i++ {
		out.markItem(i)
		out.take(e.eval(sub, n.Items[i], at.item(i)))
	}
}

// tuple evaluates a schema for each of the first items.
func (e *evaluation) tuple(subs []*subschema, n *document.Node, at *trail, out *outcome) {
	for i, sub := range subs[:min(len(subs), len(n.Items))] {
		out.markItem(i)
		out.take(e.eval(sub, n.Items[i], at.item(i)))
	}
}

func prefixItems(s *site, name string, value *document.Node) keyword {
	subs := s.listOf(name, value)
	return func(e *evaluation, n *document.Node, at *trail, out *outcome) { e.tuple(subs, n, at, out) }
}

// items applies a schema to the items after those of prefixItems (2020-12).
func items(s *site, name string, value *document.Node) keyword {
	if value.Kind == document.Sequence {
		return s.wrong(name, value, "a schema: since draft 2020-12 a list of them is prefixItems")
	}
	sub, from := s.one(value), 0
	if prefix := s.schema.Member("prefixItems"); prefix != nil && s.resource.draft == Draft2020 {
		from = len(prefix.Items)
	}
	return func(e *evaluation, n *document.Node, at *trail, out *outcome) { e.each(sub, from, n, at, out) }
}

// itemsOrTuple is "items" before draft 2020-12: a schema for all items, or a list of schemas, after which additionalItems
// applies.
func itemsOrTuple(s *site, name string, value *document.Node) keyword {
	if value.Kind != document.Sequence {
		return items(s, name, value)
	}
	var subs []*subschema
	for _, item := range value.Items {
		subs = append(subs, s.one(item))
	}
	var rest *subschema
	if n := s.schema.Member("additionalItems"); n != nil {
		rest = s.one(n)
	}
	return func(e *evaluation, n *document.Node, at *trail, out *outcome) {
		e.tuple(subs, n, at, out)
		if rest != nil {
			e.each(rest, len(subs), n, at, out)
		}
	}
}

// contains also handles minContains and maxContains, which drafts have since 2019-09.
func contains(s *site, name string, value *document.Node) keyword {
	sub := s.one(value)
	least, most := 1, -1
	if s.resource.draft >= Draft2019 {
		least, most = s.count("minContains", least), s.count("maxContains", most)
	}
	return func(e *evaluation, n *document.Node, at *trail, out *outcome) {
		if n.Kind != document.Sequence {
			return
		}
		fit := 0
		for i, item := range n.Items {
			if e.eval(sub, item, at.item(i)).valid() {
				fit++
				if s.resource.draft == Draft2020 {
					out.markItem(i)
				}
			}
		}
		if fit < least {
			out.add(n, at, name, fmt.Sprintf("has %d items of the kind that it must have %d of", fit, least))
		}
		if most >= 0 && fit > most {
			out.add(n, at, "maxContains", fmt.Sprintf("has %d items of the kind that it may have %d of", fit, most))
		}
	}
}

// count returns the value of a keyword that is a count, or a default.
func (s *site) count(name string, other int) int {
	value := s.schema.Member(name)
	if value == nil {
		return other
	}
	if limit, ok := countOf(value); ok {
		return limit
	}
	s.wrong(name, value, wantCount)
	return other
}

func uniqueItems(s *site, name string, value *document.Node) keyword {
	if value.Kind != document.Bool {
		return s.wrong(name, value, "true or false")
	}
	if !isTrue(value) {
		return nil
	}
	return func(e *evaluation, n *document.Node, at *trail, out *outcome) {
		first := map[string]int{}
		for i, item := range n.Items {
			key := e.canonical(item)
			if earlier, twice := first[key]; twice {
				out.add(item, at.item(i), name, fmt.Sprintf("is the same as item %d", earlier))
				continue
			}
			first[key] = i
		}
	}
}

func unevaluatedItems(s *site, name string, value *document.Node) keyword {
	sub := s.one(value)
	return func(e *evaluation, n *document.Node, at *trail, out *outcome) {
		for i, item := range n.Items {
			switch {
			case out.items[i]:
				continue
			case sub.never:
				out.add(item, at.item(i), name, "must not be there")
			default:
				out.take(e.eval(sub, item, at.item(i)))
			}
			out.markItem(i)
		}
	}
}
