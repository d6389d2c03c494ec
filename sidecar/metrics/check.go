package metrics

import (
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/statsd_exporter/pkg/mapper"

	"github.com/inith/inith/internal/diag"
	"github.com/inith/inith/internal/document"
	"github.com/inith/inith/internal/lazyregexp"
)

// checkMapping returns what is wrong with a mapping file, with line and column; nil if nothing is. Its text quotes nothing
// of a file that is no mapping, since that may be a secret which was mounted in the wrong place.
func checkMapping(text []byte) *diag.Error {
	m, err := tryMapping(text)
	if err == nil {
		return checkValues(text, m)
	}
	documents, problems := document.Parse(document.YAML, text, document.Options{Templates: true})
	for _, p := range problems {
		if len(documents) == 0 || p.Code == "duplicate-key" {
			return p
		}
	}
	if len(documents) == 0 {
		return diag.At(diag.Position{Line: 1, Column: 1}, err)
	}
	return located(documents[0], err.Error())
}

// tryMapping loads a mapping into a mapper of its own.
func tryMapping(text []byte) (m *mapper.MetricMapper, err error) {
	defer func() {
		if recover() != nil {
			err = errInvalid
		}
	}()
	m = &mapper.MetricMapper{Logger: slog.New(slog.DiscardHandler)}
	return m, m.InitFromYAMLString(string(text))
}

const errInvalid = mappingError("not a mapping that statsd_exporter can read")

type mappingError string

func (e mappingError) Error() string { return string(e) }

var (
	unnamed  = lazyregexp.New(`^line (\d+): metric mapping didn't set`) // the number is that of the mapping
	badType  = lazyregexp.New(`^(invalid [a-z ]+ type) ['"]((?s:.*))['"]$`)
	inLine   = lazyregexp.New(`line (\d+): ([^\n]*)`)
	quoted   = lazyregexp.New("`[^`]*`")
	semantic = lazyregexp.New(`^(?:invalid (match|label key): (?s:(.*))|(metric name) '(.*)' doesn't match|invalid (regex) (.*) in mapping: )`)
)

// located finds the position of an error that statsd_exporter reports.
func located(root *document.Node, text string) *diag.Error {
	mappings := items(root.Member("mappings"))
	if found := unnamed().FindStringSubmatch(text); found != nil {
		at := root.Position()
		if i, err := strconv.Atoi(found[1]); err == nil && i < len(mappings) {
			at = mappings[i].Position()
		}
		return &diag.Error{Position: at, Message: "the mapping has no name", Hint: "add the name of the metric: name: my_metric"}
	}
	if found := semantic().FindStringSubmatch(text); found != nil {
		return &diag.Error{Position: positionOf(mappings, found), Message: text}
	}
	if found := badType().FindStringSubmatch(text); found != nil {
		at := valueOf(root, found[2])
		if at.Line == 0 { // another spelling of the value
			at = root.Position()
		}
		return &diag.Error{Position: at, Message: found[1]}
	}
	if found := inLine().FindStringSubmatch(text); found != nil {
		line, _ := strconv.Atoi(found[1])
		return &diag.Error{Position: firstInLine(root, line), Message: quoted().ReplaceAllLiteralString(found[2], "a value")}
	}
	at := root.Position()
	for _, m := range mappings { // the two that are left are of mappings with options of the wrong type
		if options := wrongOptions(m, text); options != nil {
			at = options.Position()
			break
		}
	}
	return &diag.Error{Position: at, Message: quoted().ReplaceAllLiteralString(text, "a value")}
}

// positionOf returns where the value stands that an error names.
func positionOf(mappings []*document.Node, found []string) diag.Position {
	for _, m := range mappings {
		for _, key := range m.Members {
			switch name, value := key.Key.Text, key.Value; {
			case name == "match" && (found[1] == "match" && value.Text == found[2] || found[5] == "regex" && value.Text == found[6]),
				name == "name" && found[3] != "" && value.Text == found[4]:
				return value.Position()
			case name == "labels" && found[1] == "label key":
				for _, label := range value.Members {
					if label.Key.Text == found[2] {
						return label.Key.Position()
					}
				}
			}
		}
	}
	return diag.Position{Line: 1, Column: 1}
}

// wrongOptions returns the options of a mapping that are not those of its type of metric, if that is what text says.
func wrongOptions(m *document.Node, text string) *document.Node {
	if strings.HasPrefix(text, "cannot use histogram observer") {
		return m.Member("summary_options")
	}
	return m.Member("histogram_options")
}

func items(n *document.Node) []*document.Node {
	if n == nil {
		return nil
	}
	return n.Items
}

// valueOf returns where a value stands first.
func valueOf(n *document.Node, text string) diag.Position {
	if n.Kind == document.String && n.Text == text {
		return n.Position()
	}
	for _, item := range n.Items {
		if at := valueOf(item, text); at.Line > 0 {
			return at
		}
	}
	for _, m := range n.Members {
		if at := valueOf(m.Value, text); at.Line > 0 {
			return at
		}
	}
	return diag.Position{}
}

// firstInLine returns where the first value or key of a line begins.
func firstInLine(n *document.Node, line int) diag.Position {
	best := diag.Position{Line: line, Column: 1}
	found := false
	var walk func(n *document.Node)
	walk = func(n *document.Node) {
		if at := n.Position(); at.Line == line && (!found || at.Column < best.Column) {
			best, found = at, true
		}
		for _, item := range n.Items {
			walk(item)
		}
		for _, m := range n.Members {
			walk(m.Key)
			walk(m.Value)
		}
	}
	walk(n)
	return best
}

// checkValues finds values that statsd_exporter accepts, but that make every observation panic, or take any amount of
// memory.
func checkValues(text []byte, m *mapper.MetricMapper) *diag.Error {
	wrong := func(i int, key string, err error) *diag.Error {
		at := diag.Position{Line: 1, Column: 1}
		if documents, _ := document.Parse(document.YAML, text, document.Options{Templates: true}); len(documents) > 0 {
			n := documents[0].Member("defaults")
			if all := items(documents[0].Member("mappings")); i >= 0 && i < len(all) {
				n = all[i]
			}
			if n != nil {
				at = n.Position()
				if options := n.Member(key); options != nil {
					at = options.Position()
				}
			}
		}
		return diag.At(at, err)
	}
	if err := checkSummary(&m.Defaults.SummaryOptions); err != nil {
		return wrong(-1, "summary_options", err)
	}
	if err := checkHistogram(&m.Defaults.HistogramOptions); err != nil {
		return wrong(-1, "histogram_options", err)
	}
	for i := range m.Mappings {
		if err := checkSummary(m.Mappings[i].SummaryOptions); err != nil {
			return wrong(i, "summary_options", err)
		}
		if err := checkHistogram(m.Mappings[i].HistogramOptions); err != nil {
			return wrong(i, "histogram_options", err)
		}
	}
	return nil
}

// What the options of a mapping may ask for. Each series has that much.
const (
	maxAgeBuckets = 1000
	maxBuffer     = 100_000
	maxBuckets    = 1000
)

func checkSummary(o *mapper.SummaryOptions) error {
	if o == nil {
		return nil
	}
	if o.AgeBuckets > maxAgeBuckets || o.BufCap > maxBuffer {
		return fmt.Errorf("want at most %d age_buckets and a buf_cap of %d", maxAgeBuckets, maxBuffer)
	}
	if o.MaxAge < 0 {
		return fmt.Errorf("max_age is negative")
	}
	for _, q := range o.Quantiles {
		if !(q.Quantile >= 0 && q.Quantile <= 1) || !(q.Error >= 0 && q.Error <= 1) {
			return fmt.Errorf("quantile and error are between 0 and 1")
		}
	}
	return nil
}

func checkHistogram(o *mapper.HistogramOptions) error {
	switch {
	case o == nil:
		return nil
	case len(o.Buckets) > maxBuckets || o.NativeHistogramMaxBuckets > maxBuckets:
		return fmt.Errorf("want at most %d buckets", maxBuckets)
	case !slices.IsSorted(o.Buckets) || len(slices.Compact(slices.Clone(o.Buckets))) < len(o.Buckets):
		return fmt.Errorf("the buckets are not in increasing order")
	}
	prometheus.NewHistogram(prometheus.HistogramOpts{Buckets: o.Buckets, NativeHistogramBucketFactor: o.NativeHistogramBucketFactor})
	return nil
}
