package lint

import (
	"net"
	"strings"
)

// An auditProxy is a sidecar that records what passes to the application.
type auditProxy struct {
	*container

	upstream string // port of the application, "" if it is unknown
	log      string // path of its log, "" if it is unknown
}

// auditProxies returns the sidecars that are proxies with a log.
func (p *Pod) auditProxies() []auditProxy {
	var all []auditProxy
	for _, c := range p.running() {
		a := auditProxy{container: c}
		for _, e := range c.at("env").items() {
			switch v := e.at("value").text(); e.at("name").text() {
			case "UPSTREAM_PORT":
				a.upstream = v
			case "AUDIT_LOG_PATH":
				a.log = v
			}
		}
		args := call{words: wordsOf(append([]string{"inith"}, c.words()...))}
		if v, ok := args.flagValue("--upstream"); ok {
			if _, port, err := net.SplitHostPort(v.text); err == nil {
				a.upstream = port
			}
		}
		if v, ok := args.flagValue("--log"); ok {
			a.log = v.text
		}
		if a.upstream != "" && (a.log != "" || strings.Contains(c.at("image").text(), "audit")) {
			all = append(all, a)
		}
	}
	return all
}

// bypassedAudit finds applications that clients can reach past the proxy that audits them.
func bypassedAudit(p *Pod, m *Manifests) []Finding {
	if len(m.of("NetworkPolicy").all) > 0 {
		return nil
	}
	var all []Finding
	for _, a := range p.auditProxies() {
		for _, c := range p.app {
			for _, port := range c.at("ports").items() {
				if number := port.at("containerPort"); c != a.container && number.text() == a.upstream {
					all = append(all, c.finding(number, "clients that know the Pod's address reach port "+a.upstream+" without passing "+a.name,
						"have the application listen on 127.0.0.1 and remove the port, or add a NetworkPolicy"))
				}
			}
		}
	}
	return all
}

// lostAudit finds audit logs that are deleted with the container or the Pod.
func lostAudit(p *Pod, _ *Manifests) []Finding {
	var all []Finding
	for _, a := range p.auditProxies() {
		if a.log == "" || isUnknown(a.log) {
			continue
		}
		switch m, mounted := a.mountOf(a.log); {
		case !mounted:
			all = append(all, a.finding(a.at("name"), "the log "+a.log+" is in no volume: it is lost when the container restarts", "mount a volume there"))
		case p.isEmptyDir(m.volume):
			f := a.finding(a.at("name"), "the log "+a.log+" is in an emptyDir: it is lost when the Pod is deleted", "use a persistent volume, or a sidecar that ships it")
			f.Severity = Info
			all = append(all, f)
		}
	}
	return all
}
