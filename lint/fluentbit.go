package lint

import (
	"bufio"
	"strings"
)

// lossyLogs finds settings of fluent-bit's tail that lose lines, in the ConfigMaps that a sidecar mounts.
func lossyLogs(p *Pod, m *Manifests) []Finding {
	var all []Finding
	for _, c := range p.running() {
		for _, input := range p.tailedBy(c, m) {
			if lost := lostLines(input); lost != "" {
				all = append(all, c.finding(c.at("image"), "the tail input of its ConfigMap "+lost, "add to [INPUT]: DB /PATH/tail.db, Read_from_Head On, Skip_Long_Lines On"))
				break
			}
		}
	}
	return all
}

// lostLines says which lines a tail input loses, "" if none.
func lostLines(input map[string]string) string {
	switch {
	case input["db"] == "":
		return "has no DB: after a restart it skips what was written meanwhile"
	case input["skip_long_lines"] == "" && input["buffer_max_size"] == "":
		return "stops reading a file at a line of more than 32 KB"
	}
	return ""
}

// tailInputs returns the settings of each tail input, with keys in lower case.
func tailInputs(text string) []map[string]string {
	var all []map[string]string
	var section map[string]string
	lines := bufio.NewScanner(strings.NewReader(text))
	lines.Buffer(nil, len(text)+1)
	for lines.Scan() {
		line := strings.TrimSpace(lines.Text())
		if strings.HasPrefix(line, "[") {
			section = nil
			if strings.EqualFold(line, "[INPUT]") {
				section = map[string]string{}
			}
			continue
		}
		key, v, _ := strings.Cut(line, " ")
		if section == nil || key == "" || strings.HasPrefix(key, "#") {
			continue
		}
		section[strings.ToLower(key)] = strings.TrimSpace(v)
		if strings.EqualFold(key, "Name") && strings.EqualFold(strings.TrimSpace(v), "tail") {
			all = append(all, section)
		}
	}
	return all
}
