// Package bytesize reads and writes numbers of bytes as people do.
package bytesize

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// Text writes 1.5 GiB instead of 1610612736.
func Text(n int64) string {
	if n < 1<<10 {
		return fmt.Sprintf("%d B", n)
	}
	value, unit := float64(n), ""
	for _, unit = range []string{"KiB", "MiB", "GiB", "TiB"} {
		value /= 1 << 10
		if value < 1000 {
			break
		}
	}
	return fmt.Sprintf("%.1f %s", value, unit)
}

// Parse reads a size such as 512MiB or 100MB. Its errors say what is wrong, and
// quote the number only.
func Parse(s string) (int64, error) {
	number := strings.TrimRight(s, "BKMGTi")
	factor := map[string]float64{
		"B": 1, "KB": 1e3, "MB": 1e6, "GB": 1e9, "TB": 1e12,
		"KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30, "TiB": 1 << 40,
	}[s[len(number):]]
	n, err := strconv.ParseFloat(number, 64)
	if err == nil && factor == 0 {
		return 0, errors.New("a size needs a unit (did you mean " + number + "MB or " + number + "MiB?)")
	}
	if err != nil || !(n*factor >= 1 && n*factor <= 1<<62) { // not a number compares with nothing
		return 0, errors.New("not a size such as 512MiB or 100MB")
	}
	return int64(n * factor), nil
}
