package probe

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/inith/inith/internal/lazyregexp"
	"github.com/inith/inith/internal/usererr"
)

// A jsonCondition compares the values at a path of a JSON text with another value, as in
// .status.ready==true. Of several values, which a path with [*] has, one is enough.
type jsonCondition struct {
	path     []jsonStep
	operator string
	want     string
}

// A jsonStep leads from a value to those inside it.
type jsonStep struct {
	key   string
	index int // of an array; anElement is each of them, notAnIndex the key of an object
}

const (
	anElement  = -1
	notAnIndex = -2
)

// jsonSteps matches one step at the beginning: .key, ["key"], [0] or [*].
var jsonSteps = lazyregexp.New(`^(?:\.([^.\[\]"=!<>\s]+)|\[("(?:[^"\\]|\\.)*")\]|\[(\d{1,9}|\*)\])`)

var errJSONCondition = errors.New("not a path and a comparison (==, !=, >=, <=), such as .status.ready==true or .items[0].name==app")

// parseJSONCondition reads a condition. A path that is only a dot is the whole value.
func parseJSONCondition(s string) (*jsonCondition, error) {
	c := &jsonCondition{}
	rest := s
	for m := jsonSteps().FindStringSubmatch(rest); m != nil; m = jsonSteps().FindStringSubmatch(rest) {
		step, err := newJSONStep(m)
		if err != nil {
			return nil, errJSONCondition
		}
		c.path = append(c.path, step)
		rest = rest[len(m[0]):]
	}
	if c.path == nil && strings.HasPrefix(rest, ".") {
		c.path, rest = []jsonStep{}, rest[1:]
	}
	rest = strings.TrimLeft(rest, " ")
	if c.path == nil || len(rest) < 2 {
		return nil, errJSONCondition
	}
	c.operator, c.want = rest[:2], strings.TrimSpace(rest[2:])
	return c, c.check()
}

func newJSONStep(m []string) (jsonStep, error) {
	switch {
	case m[1] != "":
		return jsonStep{key: m[1], index: notAnIndex}, nil
	case m[2] != "":
		key, err := strconv.Unquote(m[2])
		return jsonStep{key: key, index: notAnIndex}, err
	case m[3] == "*":
		return jsonStep{index: anElement}, nil
	default:
		index, err := strconv.Atoi(m[3])
		return jsonStep{index: index}, err
	}
}

// check looks at the operator, and takes the quotes from a string.
func (c *jsonCondition) check() error {
	if text, err := strconv.Unquote(c.want); err == nil && c.want[0] == '"' {
		c.want = text
	}
	switch c.operator {
	case "==", "!=":
		return nil
	case ">=", "<=":
		if n, err := strconv.ParseFloat(c.want, 64); err != nil || math.IsNaN(n) {
			return errors.New(">= and <= compare with a number")
		}
		return nil
	default:
		return errJSONCondition
	}
}

// errUnmet is what [jsonCondition.judge] wraps for JSON that does not meet the condition.
var errUnmet = errors.New("condition not met")

// judge returns nil if a JSON text meets the condition. Its error quotes nothing of it.
func (c *jsonCondition) judge(text []byte) error {
	values, err := valuesAt(text, c.path)
	if err != nil {
		return &usererr.Error{Text: "the body is not JSON", Hint: "check the path of the URL", Err: err}
	}
	if len(values) == 0 {
		return &usererr.Error{Text: "the JSON in the body has no value where the condition looks", Err: errUnmet}
	}
	met := slices.ContainsFunc(values, c.meets)
	if c.operator == "!=" {
		met = !met
	}
	if !met {
		return &usererr.Error{Text: "the JSON in the body does not meet the condition", Err: errUnmet}
	}
	return nil
}

// meets compares one value; for !=, it reports whether the value is the same.
func (c *jsonCondition) meets(v string) bool {
	if c.operator == "==" || c.operator == "!=" {
		return sameJSON(v, c.want)
	}
	n, err1 := strconv.ParseFloat(v, 64)
	want, err2 := strconv.ParseFloat(c.want, 64)
	if err1 != nil || err2 != nil {
		return false
	}
	return c.operator == ">=" && n >= want || c.operator == "<=" && n <= want
}

// sameJSON compares texts, or as numbers, such as 1 and 1.0, where these are exact.
func sameJSON(a, b string) bool {
	if a == b {
		return true
	}
	x, err1 := strconv.ParseFloat(a, 64)
	y, err2 := strconv.ParseFloat(b, 64)
	const exact = 1 << 53
	return err1 == nil && err2 == nil && x == y && math.Abs(x) < exact
}

// valuesAt returns the values at a path as texts, strings without their quotes. It builds no tree
// of the whole, which would need many times the memory of the text.
func valuesAt(text []byte, path []jsonStep) ([]string, error) {
	var found []string
	d := json.NewDecoder(bytes.NewReader(text))
	err := walkJSON(d, path, func(raw json.RawMessage) {
		value := string(raw)
		if raw[0] == '"' {
			_ = json.Unmarshal(raw, &value)
		}
		found = append(found, value)
	})
	if err != nil {
		return nil, err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("more than one value")
	}
	return found, nil
}

// walkJSON reads one value and passes those at the path inside it to found.
func walkJSON(d *json.Decoder, path []jsonStep, found func(json.RawMessage)) error {
	if len(path) == 0 {
		var raw json.RawMessage
		if err := d.Decode(&raw); err != nil {
			return err
		}
		found(raw)
		return nil
	}
	token, err := d.Token()
	if err != nil {
		return err
	}
	open, nested := token.(json.Delim)
	if !nested {
		return nil
	}
	for i := 0; d.More(); i++ {
		if err := walkMember(d, open, i, path, found); err != nil {
			return err
		}
	}
	_, err = d.Token() // the closing bracket
	return err
}

// walkMember reads the member with this index of an object or array.
func walkMember(d *json.Decoder, open json.Delim, index int, path []jsonStep, found func(json.RawMessage)) error {
	step := path[0]
	leads := open == '[' && (step.index == index || step.index == anElement)
	if open == '{' {
		key, err := d.Token()
		if err != nil {
			return err
		}
		leads = step.index == notAnIndex && key == step.key
	}
	if !leads {
		return d.Decode(new(json.RawMessage))
	}
	return walkJSON(d, path[1:], found)
}

// judgeJSON reads the whole body of an answer, for a pattern too.
func judgeJSON(c *jsonCondition, pattern *regexp.Regexp, status int, r io.Reader) error {
	body, err := io.ReadAll(io.LimitReader(r, maxBody+1))
	switch {
	case err != nil:
		return err
	case len(body) > maxBody:
		return &usererr.Error{Text: fmt.Sprintf("answered status %d, but the body is longer than 1 MiB", status)}
	case pattern != nil && !pattern.Match(body):
		return noMatch(status, len(body))
	}
	if err := c.judge(body); err != nil {
		return fmt.Errorf("answered status %d, but %w", status, err)
	}
	return nil
}
