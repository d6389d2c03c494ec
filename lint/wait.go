package lint

import (
	"net"
	"strings"

	"mvdan.cc/sh/v3/syntax"

	"github.com/inith/inith/internal/redact"
)

// waitWithoutTimeout finds loops that ask for a dependency again and again, without a limit.
func waitWithoutTimeout(p *Pod, _ *Manifests) []Finding {
	var all []Finding
	for _, c := range p.init {
		if c.sidecar {
			continue
		}
		program := c.program
		for _, loop := range program.loops() {
			if fix, waits := waitsFor(loop); waits && !isCounted(loop) && !leaves(loop) {
				all = append(all, c.inScript(loop.Pos(), "the loop has no time limit, and does not report why it waits", fix))
			}
		}
	}
	return all
}

func waitFix(target string) string {
	if target == "" {
		return "use inith wait TARGET, which has a time limit and reports the cause"
	}
	return "use args: [wait, " + quoteYAML(target) + "], with a time limit of 5m unless --timeout says otherwise"
}

// quoteYAML quotes a flow scalar where YAML wants it.
func quoteYAML(s string) string {
	if strings.ContainsAny(s, "#,[]{}&*!|>'\"%@`? ") {
		return `"` + s + `"`
	}
	return s
}

// waitsFor reports whether the condition of a loop asks a dependency, or downloads, and returns what to do instead.
func waitsFor(loop *syntax.WhileClause) (fix string, waits bool) {
	var cond []syntax.Node
	for _, s := range loop.Cond {
		cond = append(cond, s)
	}
	for _, c := range callsIn(cond...) {
		if d, ok := downloadOf(c); ok {
			return d.fix(), true
		}
		if target, ok := targetOf(c); ok {
			return waitFix(target), true
		}
	}
	return "", false
}

// targetOf returns the target of inith wait that stands for a command.
func targetOf(c call) (target string, ok bool) {
	switch c.name() {
	case "nc", "ncat", "netcat", "telnet":
		return hostAndPort(c.positional(1)), true
	case "wget", "curl":
		u, _ := c.url()
		return harmlessURL(u), true
	case "pg_isready", "psql":
		return service(c, "postgres", "-h", "--host"), true
	case "mysqladmin", "mysql", "mariadb-admin", "mariadb":
		return service(c, "mysql", "-h", "--host"), true
	case "redis-cli", "valkey-cli":
		return service(c, "redis", "-h"), true
	case "mongosh", "mongo":
		return service(c, "mongodb", "--host"), true
	case "nslookup", "dig", "host", "getent":
		words := c.positional(1)
		if len(words) == 0 || !words[len(words)-1].known {
			return "", true
		}
		return "dns://" + words[len(words)-1].text, true
	case "kubectl", "grpc_health_probe", "grpcurl", "kcat", "kafka-topics.sh", "rabbitmqctl", "rabbitmq-diagnostics", "etcdctl":
		return "", true
	}
	return "", false
}

func known(w word) string {
	if !w.known {
		return ""
	}
	return w.text
}

// harmlessURL returns a URL that is known and holds nothing that may be secret, else "".
func harmlessURL(w word) string {
	u, err := redact.ParseURL(known(w))
	if err != nil || redact.URL(u) != w.text {
		return ""
	}
	return w.text
}

// positional returns the arguments that are no options, after skip words of the command. An option that takes a value
// may leave that here.
func (c call) positional(skip int) []word {
	var all []word
	for _, w := range c.words[min(skip, len(c.words)):] {
		if !strings.HasPrefix(w.text, "-") || !w.known && w.text == "" {
			all = append(all, w)
		}
	}
	return all
}

// hostAndPort returns the target of nc HOST PORT: the last two arguments, since the value of an option stands before.
func hostAndPort(words []word) string {
	if len(words) < 2 {
		return ""
	}
	host, port := words[len(words)-2], words[len(words)-1]
	if !host.known || !port.known || host.text == "" || strings.Trim(port.text, "0123456789") != "" {
		return ""
	}
	return net.JoinHostPort(host.text, port.text)
}

// service returns the URL of a client's server.
func service(c call, scheme string, hostFlags ...string) string {
	host, ok := c.flagValue(hostFlags...)
	if !ok || !host.known {
		return ""
	}
	address := host.text
	if port, ok := c.flagValue("-p", "-P", "--port"); ok && port.known && strings.Trim(port.text, "0123456789") == "" {
		address = net.JoinHostPort(address, port.text)
	}
	return scheme + "://" + address
}

// isCounted reports whether a loop counts its rounds: a comparison in its condition, or arithmetic in its body.
func isCounted(loop *syntax.WhileClause) bool {
	counted := false
	syntax.Walk(loop, func(n syntax.Node) bool {
		switch n := n.(type) {
		case *syntax.ArithmExp, *syntax.ArithmCmd, *syntax.LetClause:
			counted = true
		case *syntax.CallExpr:
			counted = counted || len(n.Args) > 0 && wordOf(n.Args[0]).text == "expr"
		}
		return !counted
	})
	return counted
}
