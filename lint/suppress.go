package lint

import (
	"bufio"
	"bytes"
	"slices"
	"strings"
)

// annotation of a Pod or a workload suppresses rules: "I5" everywhere, "S3:agent" in one container.
const annotation = "inith.dev/ignore"

// A suppression is a rule that an annotation suppresses.
type suppression struct{ rule, container string } // container is "" for all

func suppressions(object value) []suppression {
	var all []suppression
	for entry := range strings.SplitSeq(object.at("metadata", "annotations", annotation).text(), ",") {
		rule, container, _ := strings.Cut(strings.TrimSpace(entry), ":")
		all = append(all, suppression{rule, container})
	}
	return all
}

// Marks are the rules that comments suppress, by the line that they speak for.
type marks map[int][]string

// readMarks reads the comments "# inith:ignore RULE[,RULE] REASON". One speaks for its own line, or for the next line that
// is no comment if it stands alone. Without a reason it does not count.
func readMarks(data []byte) marks {
	const word = "# inith:ignore "
	all := marks{}
	var waiting []string
	lines := bufio.NewScanner(bytes.NewReader(data))
	lines.Buffer(nil, len(data)+1)
	for n := 1; lines.Scan(); n++ {
		before, comment, found := strings.Cut(lines.Text(), word)
		rules, reason, _ := strings.Cut(strings.TrimSpace(comment), " ")
		var suppressed []string
		if found && reason != "" {
			suppressed = strings.Split(rules, ",")
		}
		text := strings.TrimSpace(before)
		if text == "" || strings.HasPrefix(text, "#") {
			waiting = append(waiting, suppressed...)
			continue
		}
		if all[n] = append(suppressed, waiting...); len(all[n]) == 0 {
			delete(all, n)
		}
		waiting = nil
	}
	return all
}

// suppresses reports whether a comment or an annotation suppresses a finding: a comment at its line, at the first line of
// its container, or of its command.
func (p *Pod) suppresses(f Finding) bool {
	lines := []int{f.Line}
	for _, c := range p.containers() {
		if c.name == f.Container {
			lines = append(lines, c.line(), c.program.at.line())
		}
	}
	for _, line := range lines {
		if slices.Contains(p.marks[line], f.Rule) {
			return true
		}
	}
	return slices.ContainsFunc(p.suppressed, func(s suppression) bool {
		return s.rule == f.Rule && (s.container == "" || s.container == f.Container)
	})
}
