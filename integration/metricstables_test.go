package integration_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

const stockModule = "github.com/prometheus/statsd_exporter"

// stockTables are the tables of statsd_exporter's own tests, read from the source of its module.
type stockTables struct {
	packets  []string // of the tests of lines, and of whole packets
	mappings []stockMapping
}

// A stockMapping is a mapping file of a test, and what is sent to it.
type stockMapping struct {
	config string
	bad    bool
	lines  []string
}

func readStockTables(t *testing.T) stockTables {
	t.Helper()
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", stockModule).Output()
	if err != nil {
		t.Fatal(err)
	}
	dir := strings.TrimSpace(string(out))
	var s stockTables
	for _, name := range []string{"pkg/line/line_test.go", "bridge_test.go"} {
		literals(t, filepath.Join(dir, name), func(fields map[string]ast.Expr) {
			if packet, ok := text(fields["in"]); ok {
				s.packets = append(s.packets, packet)
			}
		})
	}
	literals(t, filepath.Join(dir, "pkg/mapper/mapper_test.go"), func(fields map[string]ast.Expr) {
		config, ok := text(fields["config"])
		if !ok {
			return
		}
		bad, _ := fields["configBad"].(*ast.Ident)
		m := stockMapping{config: config, bad: bad != nil && bad.Name == "true"}
		if sent, ok := fields["mappings"].(*ast.CompositeLit); ok {
			for _, e := range sent.Elts {
				m.lines = append(m.lines, stockLine(e))
			}
		}
		s.mappings = append(s.mappings, m)
	})
	return s
}

// stockLine returns the line of a metric of a test of mappings.
func stockLine(e ast.Expr) string {
	fields := fieldsOf(e)
	name, _ := text(fields["statsdMetric"])
	kind, _ := fields["metricType"].(*ast.Ident)
	switch {
	case kind != nil && kind.Name == "MetricTypeGauge":
		return name + ":1|g"
	case kind != nil && kind.Name == "MetricTypeObserver":
		return name + ":1|ms"
	default:
		return name + ":1|c"
	}
}

// literals calls each with the fields of all literals of structs in a file.
func literals(t *testing.T, file string, each func(fields map[string]ast.Expr)) {
	t.Helper()
	f, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	ast.Inspect(f, func(n ast.Node) bool {
		if e, ok := n.(*ast.CompositeLit); ok {
			each(fieldsOf(e))
		}
		return true
	})
}

func fieldsOf(e ast.Expr) map[string]ast.Expr {
	fields := map[string]ast.Expr{}
	if c, ok := e.(*ast.CompositeLit); ok {
		for _, element := range c.Elts {
			if pair, ok := element.(*ast.KeyValueExpr); ok {
				if key, ok := pair.Key.(*ast.Ident); ok {
					fields[key.Name] = pair.Value
				}
			}
		}
	}
	return fields
}

// text returns the value of a literal of a string.
func text(e ast.Expr) (string, bool) {
	l, ok := e.(*ast.BasicLit)
	if !ok || l.Kind != token.STRING {
		return "", false
	}
	s, err := strconv.Unquote(l.Value)
	return s, err == nil
}
