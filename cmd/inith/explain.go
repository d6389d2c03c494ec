package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"golang.org/x/term"

	"github.com/inith/inith/cmd/inith/internal/option"
	"github.com/inith/inith/cmd/inith/internal/view"
	"github.com/inith/inith/internal/kube"
	"github.com/inith/inith/internal/redact"
	"github.com/inith/inith/lint"
	"github.com/inith/inith/lint/explain"
)

const explainDescription = `Says why a Pod does not start: the state of each container, what it means, what to
do about it, and the command to run next. It shows where the start took its time,
and what inith lint finds in the containers that fail.

FILE is the output of kubectl get pod -o json: of one Pod, or of a list of Pods and
their Events. Without FILE, inith reads the standard input. pod/NAME asks the API
server, as the service account of this Pod, or with the context of KUBECONFIG.

EXAMPLES:
   inith explain pod/web-0 --namespace shop
   kubectl get pod web-0 -o json | inith explain
   kubectl get pods,events -o json | inith explain --format json
   inith explain pod.json`

// explainOptions are the options of explain.
type explainOptions struct {
	files             []string
	namespace, format string
}

func explainTable() option.Table[*explainOptions] {
	type o = explainOptions
	return option.Table[*o]{
		Options: []option.Option[*o]{
			{
				Arg: "FILE", Key: option.NoKey, Kind: option.Strings,
				Usage: "output of kubectl get pod -o json, - for the standard input, or pod/NAME",
				Set:   option.ToStrings(func(o *o) *[]string { return &o.files }),
			},
			{
				Flag: "namespace", Key: option.NoKey,
				Usage: "the `NAMESPACE` of pod/NAME; by default that of this Pod, or of the context",
				Set:   option.ToString(func(o *o) *string { return &o.namespace }),
			},
			{
				Flag: "format", Key: option.NoKey, Default: "text", Choices: []string{"text", "json"},
				Usage: "write the explanation in this `FORMAT`",
				Set:   option.ToString(func(o *o) *string { return &o.format }),
			},
		},
		Check: func(o *o, _ option.Given) error {
			if len(o.files) > 1 {
				return errors.New("want one FILE")
			}
			return nil
		},
	}
}

func explainCommand(c *call) *definition {
	return define(c, spec[*explainOptions]{
		usage:       []string{"inith explain [OPTION...] [FILE]", "inith explain [OPTION...] pod/NAME"},
		description: func() string { return explainDescription },
		table:       explainTable(),
		open: func(_ context.Context, s session, o *explainOptions, _ option.Given) (job, error) {
			return openExplain(s, o)
		},
	})
}

func openExplain(s session, o *explainOptions) (*explainJob, error) {
	j := &explainJob{session: s, format: o.format}
	if len(o.files) > 0 {
		if name, ok := strings.CutPrefix(o.files[0], "pod/"); ok {
			j.pod = &podQuery{client: kube.New(kube.Config{Env: s.env}), namespace: o.namespace, name: name, log: s.Log}
			return j, nil
		}
	}
	if o.namespace != "" {
		return nil, errors.New("--namespace goes with pod/NAME")
	}
	var err error
	j.data, err = readPods(o.files)
	return j, err
}

// readPods reads the file, or the standard input unless that is a terminal.
func readPods(files []string) ([]byte, error) {
	reader := manifestReader{subject: "input is", left: maxManifests}
	if len(files) > 0 && files[0] != "-" {
		if err := reader.open(files[0]); err != nil {
			return nil, err
		}
		return reader.files[0].Data, nil
	}
	if term.IsTerminal(int(os.Stdin.Fd())) {
		return nil, errors.New("no input: name a FILE, or kubectl get pod NAME -o json | inith explain")
	}
	if err := reader.read("-", os.Stdin); err != nil {
		return nil, err
	}
	return reader.files[0].Data, nil
}

// An explainJob explains Pods that were read, or one that the API server knows.
type explainJob struct {
	session session
	format  string
	data    []byte
	pod     *podQuery // nil: data
}

func (j *explainJob) run(ctx context.Context) (outcome string, err error) {
	if j.pod != nil {
		if j.data, err = j.pod.list(ctx); err != nil {
			return "", fmt.Errorf("pod/%s: %w", redact.Name(j.pod.name), err)
		}
	}
	all, err := explain.Explain(j.data, time.Now())
	if err != nil {
		return "", err
	}
	// Without U1: the cluster accepted the Pod, and may know more fields than inith.
	report := lint.Linter{Skip: []string{"U1"}}.Lint(lint.File{Data: j.data})
	for i := range all {
		all[i].Findings = findingsOf(report, &all[i])
	}
	return "", view.WriteExplanations(j.session.Stdout, j.format, all)
}

// findingsOf returns what lint finds in the containers of a Pod that fail.
func findingsOf(r lint.Report, e *explain.Explanation) []string {
	var all []string
	for _, f := range r.Findings {
		failing := slices.ContainsFunc(e.Causes, func(c explain.Cause) bool { return c.Container == f.Container })
		if f.Object == "Pod/"+e.Name && failing && f.Severity > lint.Info {
			all = append(all, f.Rule+" "+f.Container+": "+f.Message+"; "+f.Fix)
		}
	}
	return all
}
