package render

import (
	"math/big"
	"slices"
	"strconv"
	"strings"
)

func toInt(value any) (int, error) {
	switch v := value.(type) {
	case int:
		return v, nil
	case float64:
		if n := int(v); float64(n) == v {
			return n, nil
		}
	case string:
		if n, err := strconv.Atoi(strings.TrimSpace(v)); err == nil {
			return n, nil
		}
	}
	return 0, wrong("%s is not an integer", this(value))
}

// asInteger is the function int.
func asInteger(value any) (any, error) {
	n, err := toBig(value)
	if err != nil {
		return nil, err
	}
	return wholeNumber(n)
}

func toFloat(value any) (float64, error) {
	switch v := value.(type) {
	case int:
		return float64(v), nil
	case float64:
		return v, nil
	case integer:
		return strconv.ParseFloat(v.digits, 64)
	case string:
		if n, err := strconv.ParseFloat(strings.TrimSpace(v), 64); err == nil {
			return n, nil
		}
	}
	return 0, wrong("%s is not a number", this(value))
}

func toBool(value any) (bool, error) {
	switch v := value.(type) {
	case bool:
		return v, nil
	case int:
		if v == 0 || v == 1 {
			return v == 1, nil
		}
	case string:
		word := strings.ToLower(strings.TrimSpace(v))
		if slices.Contains([]string{"true", "yes", "on", "y", "1"}, word) {
			return true, nil
		}
		if slices.Contains([]string{"false", "no", "off", "n", "0", ""}, word) {
			return false, nil
		}
	}
	return false, wrong("%s is neither true nor false", this(value))
}

// this names a value in a message.
func this(value any) string {
	if _, ok := value.(string); ok {
		return "this string"
	}
	return "this value"
}

func toBigs(values []any) ([]*big.Int, error) {
	if len(values) == 0 {
		return nil, wrong("want a number")
	}
	all := make([]*big.Int, len(values))
	for i, v := range values {
		var err error
		all[i], err = toBig(v)
		if err != nil {
			return nil, err
		}
	}
	return all, nil
}

func reduce(values []any, f func(a, b *big.Int) *big.Int) (any, error) {
	all, err := toBigs(values)
	if err != nil {
		return 0, err
	}
	result := all[0]
	for _, n := range all[1:] {
		if result = f(result, n); result.BitLen() > maxBits {
			break
		}
	}
	return wholeNumber(result)
}

func add(values ...any) (any, error) {
	return reduce(values, func(a, b *big.Int) *big.Int { return new(big.Int).Add(a, b) })
}

func mul(values ...any) (any, error) {
	return reduce(values, func(a, b *big.Int) *big.Int { return new(big.Int).Mul(a, b) })
}

func largest(values ...any) (any, error) {
	return reduce(values, func(a, b *big.Int) *big.Int { return slices.MaxFunc([]*big.Int{a, b}, (*big.Int).Cmp) })
}

func smallest(values ...any) (any, error) {
	return reduce(values, func(a, b *big.Int) *big.Int { return slices.MinFunc([]*big.Int{a, b}, (*big.Int).Cmp) })
}

func sub(a, b any) (any, error) {
	return reduce([]any{a, b}, func(a, b *big.Int) *big.Int { return new(big.Int).Sub(a, b) })
}

func div(a, b any) (any, error) {
	n, err := toBigs([]any{a, b})
	switch {
	case err != nil:
		return 0, err
	case n[1].Sign() == 0:
		return 0, wrong("div: by zero")
	}
	return wholeNumber(new(big.Int).Quo(n[0], n[1]))
}
