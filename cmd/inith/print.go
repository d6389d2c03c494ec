package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/inith/inith/cmd/inith/internal/option"
	"github.com/inith/inith/internal/redact"
	"github.com/inith/inith/internal/suggest"
)

// A printer is a command that does no work but prints, as its argument says.
type printer struct {
	usage       []string
	description string
	what        string   // the argument names, such as "schema"
	names       []string // that the argument can be; nil if there is no argument
	optional    bool     // the argument may be missing
	print       func(name string) error
}

// A topic is the argument of a printer; "" if there is none.
type topic struct{ words []string }

func (t *topic) name() string { return strings.Join(t.words, " ") }

func (p printer) define(c *call) *definition {
	table := option.Table[*topic]{Check: func(t *topic, given option.Given) error { return p.check(c.name, t.name(), len(given.Args)) }}
	if p.names != nil {
		table.Options = []option.Option[*topic]{{
			Arg: strings.ToUpper(p.what), Key: option.NoKey, Kind: option.Strings, Usage: "one of " + strings.Join(p.names, ", "),
			Set: option.ToStrings(func(t *topic) *[]string { return &t.words }),
		}}
	}
	return define(c, spec[*topic]{
		usage: p.usage, description: func() string { return p.description }, table: table,
		open: func(_ context.Context, _ session, t *topic, _ option.Given) (job, error) {
			return printJob(func() error { return p.print(t.name()) }), nil
		},
	})
}

func (p printer) check(command, name string, args int) error {
	switch {
	case p.names == nil && args > 0:
		return fmt.Errorf("%s takes no argument", command)
	case p.names == nil || p.optional && args == 0:
		return nil
	case !slices.Contains(p.names, name):
		return fmt.Errorf("unknown %s%s%s, have %s", p.what, redact.Quoted(name), suggest.DidYouMean(name, p.names), strings.Join(p.names, ", "))
	}
	return nil
}

// A printJob prints.
type printJob func() error

func (j printJob) run(context.Context) (outcome string, err error) { return "", j() }
