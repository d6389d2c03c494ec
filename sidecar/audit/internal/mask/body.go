package mask

import (
	"bytes"
	"encoding/json"
	"net/url"
	"strings"
)

// The reasons why a body is not recorded.
const (
	NotText    = "no JSON, form or event stream"
	Unreadable = "cannot be parsed"
)

// Body returns what may be recorded of a body, as JSON, or why nothing may. A body that is not whole was cut at its end.
func (p *Pass) Body(contentType string, body []byte, whole bool) (json.RawMessage, string) {
	switch kindOf(contentType, body) {
	case "json":
		return p.json(body, whole)
	case "events":
		return p.events(body, whole)
	case "form":
		return p.form(string(body), whole)
	}
	return nil, NotText
}

// kindOf returns the kind of a body. One without a content type is sniffed.
func kindOf(contentType string, body []byte) string {
	t, _, _ := strings.Cut(contentType, ";")
	t = strings.ToLower(strings.TrimSpace(t))
	switch {
	case t == "application/json", strings.HasSuffix(t, "+json"), strings.HasSuffix(t, "ndjson"), t == "application/jsonl", t == "text/json":
		return "json"
	case t == "text/event-stream":
		return "events"
	case t == "application/x-www-form-urlencoded":
		return "form"
	case t != "":
		return ""
	case looksLikeJSON(string(body[:min(len(body), 512)])):
		return "json"
	case bytes.HasPrefix(body, []byte("data:")) || bytes.HasPrefix(body, []byte("event:")):
		return "events"
	}
	return ""
}

func (p *Pass) json(body []byte, whole bool) (json.RawMessage, string) {
	all, err := parse(body)
	if len(all) == 0 || err != nil && whole {
		return nil, Unreadable
	}
	p.documents(all)
	if len(all) == 1 {
		return all[0].encode(len(body)), ""
	}
	list := node{kind: '[', members: all}
	return list.encode(len(body)), ""
}

// events returns an array of the events of a stream, each an object with event and data. Data that is JSON stays so.
func (p *Pass) events(body []byte, whole bool) (json.RawMessage, string) {
	text := strings.ReplaceAll(strings.ReplaceAll(string(body), "\r\n", "\n"), "\r", "\n")
	if !whole { // the last line may be cut
		text = text[:strings.LastIndexByte(text, '\n')+1]
	}
	var all []*node
	for block := range strings.SplitSeq(text, "\n\n") {
		if n := eventOf(block); n != nil {
			all = append(all, n)
		}
	}
	p.documents(all)
	list := node{kind: '[', members: all}
	return list.encode(len(body)), ""
}

// eventOf returns an event, nil if there is none in the lines.
func eventOf(block string) *node {
	n := &node{kind: '{'}
	var data []string
	for line := range strings.SplitSeq(block, "\n") {
		field, value, _ := strings.Cut(line, ":")
		value = strings.TrimPrefix(value, " ")
		switch field {
		case "data":
			data = append(data, value)
		case "event", "id":
			n.add(field, &node{kind: '"', text: value})
		}
	}
	if data != nil {
		n.add("data", dataOf(strings.Join(data, "\n")))
	}
	if len(n.members) == 0 {
		return nil
	}
	return n
}

func dataOf(s string) *node {
	if all, err := parse([]byte(s)); err == nil && len(all) == 1 && all[0].kind == '{' {
		return all[0]
	}
	return &node{kind: '"', text: s}
}

// form returns a form as an array of [name, value].
func (p *Pass) form(body string, whole bool) (json.RawMessage, string) {
	if !whole { // the last pair may be cut
		body = body[:max(0, strings.LastIndexByte(body, '&'))]
	}
	list := node{kind: '['}
	for pair := range strings.SplitSeq(body, "&") {
		name, value, _ := strings.Cut(pair, "=")
		name, err := url.QueryUnescape(name)
		value, valueErr := url.QueryUnescape(value)
		if err != nil || valueErr != nil {
			return nil, Unreadable
		}
		if pair == "" {
			continue
		}
		if p.m.isSecret(name) || p.m.isSecretPath([]string{name}) {
			value = p.mark("field")
		}
		list.members = append(list.members, &node{kind: '[', members: []*node{{kind: '"', text: p.Text(name)}, {kind: '"', text: p.value(value, 0)}}})
	}
	return list.encode(len(body)), ""
}
