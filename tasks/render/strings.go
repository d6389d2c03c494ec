package render

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/inith/inith/internal/diag"
)

// stringOf formats a scalar. For a list or a mapping there are several formats, so the template must choose one.
func stringOf(value any) (string, error) {
	switch v := value.(type) {
	case nil:
		return "", wrong("the value is null")
	case string:
		return v, nil
	case bool:
		return strconv.FormatBool(v), nil
	case int:
		return strconv.Itoa(v), nil
	case integer:
		return v.digits, nil
	case float64:
		if v > -1e15 && v < 1e15 {
			return strconv.FormatFloat(v, 'f', -1, 64), nil
		}
		return strconv.FormatFloat(v, 'g', -1, 64), nil
	case []any:
		return "", wrong("a list cannot be written as a string: use toYaml, toJson, join or range")
	case map[string]any, variables:
		return "", wrong("a mapping cannot be written as a string: use toYaml, toJson or range")
	default:
		return "", wrong("this value cannot be written as a string")
	}
}

func stringsOf(values []any) ([]string, error) {
	all, size := make([]string, len(values)), 0
	for i, v := range values {
		text, err := stringOf(v)
		if err != nil {
			return nil, err
		}
		size += len(text)
		if size > maxOutput {
			return nil, errTooLarge()
		}
		all[i] = text
	}
	return all, nil
}

// eachOf applies a function to strings and joins them with spaces.
func eachOf(values []any, f func(string) (string, error)) (string, error) {
	texts, err := stringsOf(values)
	if err != nil {
		return "", err
	}
	for i := range texts {
		texts[i], err = f(texts[i])
		if err != nil {
			return "", err
		}
	}
	return bounded(strings.Join(texts, " "))
}

func quote(values ...any) (string, error) {
	return eachOf(values, func(s string) (string, error) {
		if !utf8.ValidString(s) {
			return "", wrong("quote: the string is not UTF-8")
		}
		return toJSON(s, "")
	})
}

func squote(values ...any) (string, error) {
	return eachOf(values, func(s string) (string, error) { return "'" + strings.ReplaceAll(s, "'", "''") + "'", nil })
}

func jsonString(value any) (string, error)   { return encoded(value, "") }
func toPrettyJSON(value any) (string, error) { return encoded(value, "  ") }

func encoded(value any, indent string) (string, error) {
	if err := measure(value); err != nil {
		return "", err
	}
	text, err := toJSON(value, indent)
	if err != nil {
		return "", wrong("JSON cannot represent this number")
	}
	return bounded(text)
}

func yamlString(value any) (string, error) {
	if err := measure(value); err != nil {
		return "", err
	}
	text, err := toYAML(value)
	if err != nil {
		return "", wrong("YAML cannot represent this value")
	}
	return bounded(text)
}

// measure rejects a value whose output would be too large: a template can nest a list in itself repeatedly.
func measure(value any) error {
	left := maxOutput
	var count func(value any, depth int) bool
	count = func(value any, depth int) bool {
		const each = 16 // bytes, about
		left -= each
		if left < 0 || depth > maxDepth {
			return false
		}
		switch v := value.(type) {
		case string:
			left -= len(v)
		case integer:
			left -= len(v.digits)
		case []any:
			return !slices.ContainsFunc(v, func(item any) bool { return !count(item, depth+1) })
		case map[string]any:
			for key, item := range v {
				left -= len(key)
				if !count(item, depth+1) {
					return false
				}
			}
		}
		return left >= 0
	}
	if !count(value, 0) {
		return errTooLarge()
	}
	return nil
}

func fromJSON(text string) (any, error) { return parsed(text, parseJSON) }
func fromYAML(text string) (any, error) { return parsed(text, parseYAML) }

func parsed(text string, parse func(source) (any, *diag.Error)) (any, error) {
	value, problem := parse(source{text: text})
	if problem == nil {
		return value, nil
	}
	if problem.Line == 0 {
		return nil, wrong("%s", problem.Text())
	}
	return nil, wrong("%s, in line %d of the string", problem.Text(), problem.Line)
}

func indent(n int, text string) (string, error) {
	const most = 1000
	if n < 0 || n > most {
		return "", wrong("indent: want 0 to %d spaces", most)
	}
	if len(text)+n*(1+strings.Count(text, "\n")) > maxOutput {
		return "", errTooLarge()
	}
	spaces := strings.Repeat(" ", n)
	return spaces + strings.ReplaceAll(text, "\n", "\n"+spaces), nil
}

func nindent(n int, text string) (string, error) {
	text, err := indent(n, text)
	return "\n" + text, err
}

func replace(old, replacement, text string) (string, error) {
	if len(text)+strings.Count(text, old)*len(replacement) > maxOutput {
		return "", errTooLarge()
	}
	return strings.ReplaceAll(text, old, replacement), nil
}

// trunc counts characters, so that none is cut.
func trunc(n int, text string) string {
	characters := []rune(text)
	switch {
	case n >= 0 && n < len(characters):
		return string(characters[:n])
	case n < 0 && -n < len(characters):
		return string(characters[len(characters)+n:])
	default:
		return text
	}
}

func trim(text string) string               { return strings.TrimSpace(text) }
func trimPrefix(prefix, text string) string { return strings.TrimPrefix(text, prefix) }
func trimSuffix(suffix, text string) string { return strings.TrimSuffix(text, suffix) }
func upper(text string) string              { return strings.ToUpper(text) }
func lower(text string) string              { return strings.ToLower(text) }
func contains(part, text string) bool       { return strings.Contains(text, part) }
func hasPrefix(prefix, text string) bool    { return strings.HasPrefix(text, prefix) }
func hasSuffix(suffix, text string) bool    { return strings.HasSuffix(text, suffix) }

func printed(values ...any) (string, error) {
	texts, err := stringsOf(values)
	if err != nil {
		return "", err
	}
	return strings.Join(texts, ""), nil
}

// formatted is Printf. It fails where Printf would print an error.
func formatted(format string, values ...any) (string, error) {
	texts, err := stringsOf(values)
	if err != nil {
		return "", err
	}
	text := fmt.Sprintf(format, values...)
	const mark = "%!"
	if strings.Contains(text, mark) && !strings.Contains(format+strings.Join(texts, ""), mark) {
		return "", wrong("printf: the format does not match the values")
	}
	return bounded(text)
}

func b64enc(text string) string { return base64.StdEncoding.EncodeToString([]byte(text)) }

func b64dec(text string) (string, error) {
	b, err := base64.StdEncoding.DecodeString(strings.TrimSpace(text))
	if err != nil {
		return "", wrong("b64dec: this is not base64")
	}
	return string(b), nil
}

// urlquery escapes a space as %20, which user names and paths need. The function of text/template writes a plus sign.
func urlquery(values ...any) (string, error) {
	texts, err := stringsOf(values)
	if err != nil {
		return "", err
	}
	return bounded(strings.ReplaceAll(url.QueryEscape(strings.Join(texts, "")), "+", "%20"))
}

func sha256sum(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}

func split(separator, text string) []any {
	var all []any
	for part := range strings.SplitSeq(text, separator) {
		all = append(all, part)
	}
	return all
}

func join(separator string, items []any) (string, error) {
	texts, err := stringsOf(items)
	if err != nil {
		return "", err
	}
	if len(separator)*len(items) > maxOutput {
		return "", errTooLarge()
	}
	return bounded(strings.Join(texts, separator))
}

func sortAlpha(items []any) ([]any, error) {
	texts, err := stringsOf(items)
	if err != nil {
		return nil, err
	}
	slices.Sort(texts)
	all := make([]any, len(texts))
	for i := range texts {
		all[i] = texts[i]
	}
	return all, nil
}
