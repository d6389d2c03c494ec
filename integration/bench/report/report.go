// Package report has what all benchmarks have in common: the peers that they
// find, the tables that they print, and the statistics in them.
package report

import (
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
)

// Nothing is a cell without a value.
const Nothing = "-"

// Table writes a titled table, whose header has a tab between two cells.
func Table(w io.Writer, title, header string, rows func(line func(cells ...string))) {
	fmt.Fprintf(w, "\n%s\n", title)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	line := func(cells ...string) { fmt.Fprintln(t, strings.Join(cells, "\t")+"\t") }
	line(header)
	rows(line)
	_ = t.Flush()
}

// Number is a value with its unit, [Nothing] for NaN, which stands for no value.
func Number(x float64, decimals int, unit string) string {
	if math.IsNaN(x) {
		return Nothing
	}
	return strconv.FormatFloat(x, 'f', decimals, 64) + unit
}

// Verdict tells whether a figure is held.
func Verdict(held bool) string {
	if held {
		return "holds"
	}
	return "MISSED"
}

// Median expects sorted values; of none it is NaN.
func Median(v []float64) float64 {
	if len(v) == 0 {
		return math.NaN()
	}
	return (v[(len(v)-1)/2] + v[len(v)/2]) / 2
}

// MedianOf returns the median of a measure; of none it is NaN.
func MedianOf[T any](all []T, measure func(T) float64) float64 {
	var v []float64
	for _, one := range all {
		v = append(v, measure(one))
	}
	slices.Sort(v)
	return Median(v)
}
