package document

import (
	"math/big"
	"strconv"
	"strings"
)

// The limits of numbers that [Node.Number] computes with.
const (
	maxDigits   = 1000
	maxExponent = 5000
)

// TypedKind returns the kind of n. For a value of a dotenv file it is the kind that YAML would give it, or String.
func (n *Node) TypedKind() Kind {
	if kind := KindOf(n.Text); n.Untyped && kind != Null {
		return kind
	}
	return n.Kind
}

// Number returns the exact value of an Int or a Float. It reports false for other kinds, for infinity and NaN, and
// for numbers beyond the limits.
func (n *Node) Number() (*big.Rat, bool) {
	if kind := n.TypedKind(); kind != Int && kind != Float || len(n.Text) > maxDigits {
		return nil, false
	}
	text := strings.ReplaceAll(strings.ToLower(n.Text), "_", "")
	unsigned := strings.TrimLeft(text, "+-")
	negative := strings.HasPrefix(text, "-")
	for prefix, base := range map[string]int{"0x": 16, "0o": 8, "0b": 2} {
		if digits, ok := strings.CutPrefix(unsigned, prefix); ok {
			i, ok := new(big.Int).SetString(digits, base)
			return signed(new(big.Rat).SetFrac(orZero(i), big.NewInt(1)), negative), ok
		}
	}
	mantissa, exponent, scientific := strings.Cut(unsigned, "e")
	if e, err := strconv.Atoi(exponent); scientific && (err != nil || e > maxExponent || e < -maxExponent) {
		return nil, false
	}
	if mantissa == "" || strings.Trim(mantissa, "0123456789.") != "" {
		return nil, false
	}
	r, ok := new(big.Rat).SetString(unsigned)
	if !ok {
		return nil, false
	}
	return signed(r, negative), true
}

func signed(r *big.Rat, negative bool) *big.Rat {
	if negative {
		return r.Neg(r)
	}
	return r
}

func orZero(i *big.Int) *big.Int {
	if i == nil {
		return new(big.Int)
	}
	return i
}
