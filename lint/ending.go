package lint

import (
	"fmt"
	"strconv"
)

// shortGrace finds preStop hooks that sleep for as long as the Pod may take to end.
func shortGrace(p *Pod, _ *Manifests) []Finding {
	grace := 30
	if text := p.spec.at("terminationGracePeriodSeconds").text(); text != "" {
		var err error
		if grace, err = strconv.Atoi(text); err != nil {
			return nil
		}
	}
	var all []Finding
	for _, c := range p.running() {
		hook := c.at("lifecycle", "preStop")
		if seconds := sleeps(hook); seconds >= grace {
			all = append(all, c.finding(hook, fmt.Sprintf("preStop sleeps for %d s, and the kubelet kills the container after %d s", seconds, grace),
				"set terminationGracePeriodSeconds to the sleep and the time that the application needs to end"))
		}
	}
	return all
}

// sleeps returns how long a hook sleeps, in seconds.
func sleeps(hook value) int {
	seconds := 0
	if n, err := strconv.Atoi(hook.at("sleep", "seconds").text()); err == nil {
		seconds = n
	}
	command := hook.at("exec", "command")
	words := command.texts()
	calls := []call{{words: wordsOf(words)}}
	if i := scriptIndex(words); i >= 0 {
		calls = callsOf(words[i])
	}
	for _, c := range calls {
		if c.name() == "sleep" && len(c.args()) == 1 && c.args()[0].known {
			if n, err := strconv.Atoi(c.args()[0].text); err == nil {
				seconds += n
			}
		}
	}
	return seconds
}
