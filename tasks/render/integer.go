package render

import (
	"fmt"
	"math/big"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v4"
)

// An integer is one beyond int64. Values keep it as it was read, and write it so.
type integer struct{ digits string } // decimal, with a minus sign

// maxBits is the size of the integers that templates compute with.
const maxBits = 4096

// wholeNumber returns an int, or an [integer] if it does not fit.
func wholeNumber(n *big.Int) (any, error) {
	switch {
	case n.IsInt64():
		return int(n.Int64()), nil
	case n.BitLen() > maxBits:
		return nil, wrong("the number has more than %d bits", maxBits)
	default:
		return integer{n.String()}, nil
	}
}

// toBig returns the value of an integer.
func toBig(value any) (*big.Int, error) {
	var digits string
	switch v := value.(type) {
	case integer:
		digits = v.digits
	case string:
		digits = strings.TrimSpace(v)
	default:
		n, err := toInt(value)
		return big.NewInt(int64(n)), err
	}
	n, ok := new(big.Int), false
	if len(digits) <= maxBits {
		n, ok = n.SetString(digits, 10)
	}
	if !ok {
		return nil, wrong("%s is not an integer", this(value))
	}
	return n, nil
}

// beyondInt64 returns the decimal digits of an integer in YAML or JSON that does not fit into an int64.
func beyondInt64(text string) (digits string, ok bool) {
	digits = strings.TrimPrefix(strings.ReplaceAll(text, "_", ""), "+")
	unsigned := strings.TrimPrefix(digits, "-")
	if _, err := strconv.ParseInt(digits, 10, 64); err == nil || unsigned == "" {
		return "", false
	}
	if strings.Trim(unsigned, "0123456789") == "" {
		return digits, true
	}
	n, ok := new(big.Int), false
	if hasPrefix("0x", unsigned) || hasPrefix("0o", unsigned) {
		if len(digits) <= maxBits {
			n, ok = n.SetString(digits, 0)
		}
	}
	if !ok || n.IsInt64() {
		return "", false
	}
	return n.String(), true
}

// MarshalJSON writes the digits.
func (i integer) MarshalJSON() ([]byte, error) { return []byte(i.digits), nil }

// MarshalYAML writes the digits, without quotes.
func (i integer) MarshalYAML() (any, error) {
	return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!int", Value: i.digits}, nil
}

// Format makes printf treat it as an integer.
func (i integer) Format(f fmt.State, verb rune) {
	if n, err := toBig(i); err == nil {
		n.Format(f, verb)
	}
}
