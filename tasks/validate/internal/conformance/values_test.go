package conformance_test

import (
	"bytes"
	"encoding/json"
	"math"
	"math/big"
	"reflect"
	"strings"

	"github.com/inith/inith/internal/document"
)

// sameJSON reports whether documents have the values of a stream of JSON.
func sameJSON(documents []*document.Node, stream []byte) bool {
	d := json.NewDecoder(bytes.NewReader(stream))
	for _, n := range documents {
		var want any
		if d.Decode(&want) != nil {
			return false
		}
		if !reflect.DeepEqual(plain(n), want) {
			return false
		}
	}
	return !d.More()
}

// plain returns what encoding/json makes of the same value.
func plain(n *document.Node) any {
	switch n.Kind {
	case document.Bool:
		return strings.EqualFold(n.Text, "true")
	case document.Int, document.Float:
		return number(n)
	case document.String:
		return n.Text
	case document.Sequence:
		list := []any{}
		for _, item := range n.Items {
			list = append(list, plain(item))
		}
		return list
	case document.Mapping:
		m := map[string]any{}
		for _, member := range n.Members {
			m[member.Key.Text] = plain(member.Value)
		}
		return m
	default:
		return nil
	}
}

func number(n *document.Node) any {
	exact, ok := n.Number()
	if !ok {
		return math.NaN()
	}
	f, _ := new(big.Rat).Set(exact).Float64()
	return f
}
