package main

import (
	"slices"
	"strings"

	"github.com/inith/inith/cmd/inith/internal/option"
	"github.com/inith/inith/internal/lazyregexp"
	"github.com/inith/inith/internal/suggest"
)

// ownVariables are variables of inith that are not those of options.
func ownVariables() []string {
	return []string{"INITH_TARGETS", "INITH_RUN_PLAN", "INITH_FETCH_EPHEMERAL_LIMIT"}
}

// warnOfVariables warns of variables whose names are nearly those of options.
func (c *call) warnOfVariables(rows []option.Row) {
	var unknown []string
	for _, pair := range c.env {
		name, _, _ := strings.Cut(pair, "=")
		if strings.HasPrefix(name, "INITH_") && !isOfService(name) {
			unknown = append(unknown, name)
		}
	}
	if len(unknown) == 0 {
		return
	}
	known := ownVariables()
	for _, r := range rows {
		for _, name := range flagNames(r) {
			known = append(known, option.Variable(c.name, name), option.Variable("", name))
		}
	}
	for _, name := range unknown {
		if meant := suggest.Near(name, known, 2); meant != "" && !slices.Contains(known, name) {
			c.reporter.logger().Warn("unknown environment variable", "variable", name, "did_you_mean", meant)
		}
	}
}

var ofService = lazyregexp.New(`_(SERVICE_HOST|SERVICE_PORT(_.*)?|PORT|PORT_[0-9]+_[A-Z]+(_(PROTO|PORT|ADDR))?)$`)

// isOfService reports whether Kubernetes sets a variable for a Service whose name begins with "inith".
// https://kubernetes.io/docs/concepts/services-networking/service/#environment-variables
func isOfService(name string) bool {
	return ofService().MatchString(name)
}
