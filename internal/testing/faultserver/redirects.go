package faultserver

import (
	"fmt"
	"net/http"
	"strconv"
)

// links returns faults of URLs that hold a secret, and of those that expire.
func links() []Fault {
	expired := func(name, does string, code int, outcome Outcome, only string) Fault {
		return Fault{
			Number: 30, Name: name, Does: does, Pinned: outcome, Unpinned: outcome, Avoidable: true, Naive: NaiveRanges, Harm: WrongBytes,
			Times: -1, Skip: 2, remote: true, // who asks once for all has what was asked for
			when:    func(x *exchange) bool { return content(x) && (only == "" || x.req.URL.Query().Get("link") == only) },
			respond: func(x *exchange) { x.replace(refuse(code)) },
			prepare: func(s *Server) {
				s.stranger()
				s.always(Fault{when: file, respond: func(x *exchange) {
					x.redirect(s.other.link("/signed", fmt.Sprintf("link=%d&X-Amz-Signature=%s", s.turn(), Secret)))
				}})
			},
		}
	}
	return []Fault{
		expired("link-expires-403", "redirects to links, the first of which answers 403 after two requests", http.StatusForbidden, Right, "1"),
		expired("link-expires-401", "redirects to links, the first of which answers 401 after two requests", http.StatusUnauthorized, Right, "1"),
		expired("links-expire", "redirects to links that all answer 403 after two requests", http.StatusForbidden, Either, ""),
		{
			Number: 35, Name: "signed-url", Does: "resets all connections to a URL that holds a signature",
			Pinned: Refuse, Unpinned: Refuse, Naive: Naive, Harm: Leaks,
			Times: -1, respond: func(x *exchange) { x.place(-1, (*conn).reset) },
			prepare: func(s *Server) { s.query = "X-Amz-Expires=300&X-Amz-Signature=" + Secret },
		},
	}
}

// redirects returns faults of redirects to another host.
func redirects() []Fault {
	away := func(x *exchange) { x.redirect(x.server.other.Path("/elsewhere")) }
	return []Fault{
		{
			Number: 32, Name: "other-host", Does: "redirects to another host",
			Pinned: Right, Unpinned: Right, Naive: Naive, Harm: Leaks,
			Times: -1, when: file, respond: away, prepare: func(s *Server) { s.stranger() },
		},
		{
			Number: 32, Name: "subdomain", Does: "redirects to a host below its own name",
			Pinned: Right, Unpinned: Right, Naive: Naive, Harm: Leaks,
			Times: -1, when: file, respond: away, prepare: func(s *Server) {
				s.named = true
				s.stranger().otherName = "cdn." + OriginName
			},
		},
		{
			Number: 33, Name: "referer", Does: "redirects a URL with a token to another host",
			Pinned: Right, Unpinned: Right, Naive: Naive, Harm: Leaks,
			Times: -1, when: file, respond: away, prepare: func(s *Server) {
				s.stranger()
				s.query = "token=" + Secret
			},
		},
		{
			Number: 34, Name: "chain", Does: "redirects to another host, which redirects to itself",
			Pinned: Right, Unpinned: Right, Naive: Naive, Harm: Leaks,
			Times: -1, when: file, respond: away, prepare: func(s *Server) {
				s.stranger().always(Fault{
					when:    func(x *exchange) bool { return file(x) && x.req.URL.Path == "/elsewhere" },
					respond: func(x *exchange) { x.redirect("/b2") },
				})
			},
		},
		{
			Number: 34, Name: "downgrade", Does: "redirects from https to http",
			Pinned: Refuse, Unpinned: Refuse, Naive: Naive, Harm: Strays,
			Times: -1, when: file, respond: away, prepare: func(s *Server) {
				s.stranger()
				s.TLS, s.plain = true, true
			},
		},
	}
}

// chains returns faults of redirects that lead nowhere, or where nobody must go.
func chains() []Fault {
	fault := func(name, does string, harm Harm, to func(x *exchange) string) Fault {
		return Fault{
			Number: 34, Name: name, Does: does, Pinned: Refuse, Unpinned: Refuse, Naive: Naive, Harm: harm, Times: -1,
			when: func(x *exchange) bool { return file(x) && to(x) != "" }, respond: func(x *exchange) { x.redirect(to(x)) },
		}
	}
	metadata := fault("link-local", "redirects to the address where clouds serve their credentials", Strays, func(*exchange) string {
		return "http://" + linkLocal + "/latest/meta-data/iam/security-credentials/"
	})
	metadata.prepare = func(s *Server) {
		s.metadata = &Server{Content: Content{Bytes: []byte(`{"AccessKeyId":"AKIA","SecretAccessKey":"cloud"}`)}}
	}
	return []Fault{
		metadata,
		fault("eleven-hops", "redirects eleven times, then has the file", Fails, nextHop),
		fault("loop", "redirects to itself", Fails, func(x *exchange) string { return x.req.URL.Path }),
		fault("file-scheme", "redirects to a file of the client's", Fails, func(*exchange) string { return "file:///etc/hostname" }),
	}
}

// nextHop returns where to go on, "" at the end.
func nextHop(x *exchange) string {
	const hops = 11
	hop, _ := strconv.Atoi(x.req.URL.Query().Get("hop"))
	if hop == hops {
		return ""
	}
	return fmt.Sprintf("/model.bin?hop=%d", hop+1)
}

// file is a request for the file, or for its head.
func file(x *exchange) bool { return get(x) || head(x) }

func (x *exchange) redirect(to string) {
	a := refuse(http.StatusFound)
	a.header.Set("Location", to)
	x.replace(a)
}
