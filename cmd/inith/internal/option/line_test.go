package option_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/inith/inith/cmd/inith/internal/option"
)

// A copying is filled by a command line and by a mapping.
type copying struct {
	Source, Dest, Digest string
	Timeout              time.Duration
	Mirrors              []string
	Quick                bool
	Streams              int
}

func copyTable() option.Table[*copying] {
	type o = copying
	return option.Table[*o]{
		Options: []option.Option[*o]{
			{Arg: "SOURCE", Key: "url", Set: option.ToString(func(o *o) *string { return &o.Source })},
			{Flag: "from-env", Key: "urlFromEnv", Instead: "url", Set: func(o *o, v option.Value) error { o.Source = "$" + v.Str; return nil }},
			{Arg: "DEST", Key: "to", Set: option.ToString(func(o *o) *string { return &o.Dest })},
			{Flag: "sha256", Excludes: []string{"digest"}, Set: func(o *o, v option.Value) error { o.Digest = "sha256:" + v.Str; return nil }},
			{Flag: "digest", Set: option.ToString(func(o *o) *string { return &o.Digest })},
			{Flag: "stall-timeout", Letter: "s", Old: []string{"no-progress"}, Kind: option.Duration, Default: "1m", Set: option.ToDuration(func(o *o) *time.Duration { return &o.Timeout })},
			{Flag: "mirror", Kind: option.Strings, Set: option.ToStrings(func(o *o) *[]string { return &o.Mirrors })},
			{Flag: "quick", Kind: option.Bool, Set: option.ToBool(func(o *o) *bool { return &o.Quick })},
			{Flag: "streams", Kind: option.Integer, Default: "4", Set: option.AtLeast(1, func(o *o) *int { return &o.Streams })},
		},
		Check: func(o *o, given option.Given) error {
			if o.Quick && o.Streams < 2 {
				return given.Errorf("streams", "must be 2 or more")
			}
			return nil
		},
	}
}

func environment(pairs map[string]string) option.Environment {
	return option.Environment{Command: "copy", Lookup: func(name string) (string, bool) {
		value := pairs[name]
		return value, value != ""
	}}
}

// TestReadLine holds the order of origins: default, variable, flag.
func TestReadLine(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name  string
		flags map[string][]string
		args  []string
		env   map[string]string
		want  copying
	}{
		{"defaults", nil, []string{"a", "b"}, nil, copying{Source: "a", Dest: "b", Timeout: time.Minute, Streams: 4}},
		{
			"a variable overrides the default", nil,
			[]string{"a", "b"},
			map[string]string{"INITH_COPY_STALL_TIMEOUT": "2m", "INITH_COPY_QUICK": "true"},
			copying{Source: "a", Dest: "b", Timeout: 2 * time.Minute, Quick: true, Streams: 4},
		},
		{
			"a flag overrides the variable",
			map[string][]string{"stall-timeout": {"3m"}, "mirror": {"x", "y"}},
			[]string{"a", "b"},
			map[string]string{"INITH_COPY_STALL_TIMEOUT": "2m", "INITH_COPY_MIRROR": "z"},
			copying{Source: "a", Dest: "b", Timeout: 3 * time.Minute, Mirrors: []string{"x", "y"}, Streams: 4},
		},
		{
			"old names",
			map[string][]string{"no-progress": {"none"}},
			[]string{"a", "b"},
			map[string]string{"INITH_COPY_NO_PROGRESS": "x"},
			copying{Source: "a", Dest: "b", Streams: 4},
		},
		{
			"of two that exclude each other, the higher origin",
			map[string][]string{"digest": {"d"}},
			nil,
			map[string]string{"INITH_COPY_SHA256": "s"},
			copying{Digest: "d", Timeout: time.Minute, Streams: 4},
		},
		{"a flag in place of an argument", map[string][]string{"from-env": {"X"}}, []string{"b"}, nil, copying{Source: "$X", Dest: "b", Timeout: time.Minute, Streams: 4}},
		{"a variable in place of an argument", nil, []string{"b"}, map[string]string{"INITH_COPY_FROM_ENV": "X"}, copying{Source: "$X", Dest: "b", Timeout: time.Minute, Streams: 4}},
		{"an argument overrides the variable", nil, []string{"a", "b"}, map[string]string{"INITH_COPY_FROM_ENV": "X"}, copying{Source: "a", Dest: "b", Timeout: time.Minute, Streams: 4}},
		{"an empty string is not given", map[string][]string{"sha256": {""}, "digest": {"d"}}, nil, nil, copying{Digest: "d", Timeout: time.Minute, Streams: 4}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			got, _, err := option.ReadLine(copyTable(), option.Line{Flags: test.flags, Args: test.args, Environment: environment(test.env)})
			if diff := cmp.Diff(test.want, got); diff != "" || err != nil {
				t.Errorf("%v (-want +got):\n%s", err, diff)
			}
		})
	}
}

// TestReadLineProblems holds the errors to the names that the user wrote, and to quote no value.
func TestReadLineProblems(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		flags map[string][]string
		env   map[string]string
		want  string
	}{
		{map[string][]string{"streams": {"S3cret"}}, nil, "--streams: want an integer"},
		{map[string][]string{"quick": {"S3cret"}}, nil, "--quick: want true or false"},
		{map[string][]string{"no-progress": {"5"}}, nil, "--no-progress: a duration needs a unit (did you mean 5s?)"},
		{nil, map[string]string{"INITH_COPY_STREAMS": "0"}, "$INITH_COPY_STREAMS: must be 1 or more"},
		{nil, map[string]string{"INITH_COPY_NO_PROGRESS": "x"}, "$INITH_COPY_NO_PROGRESS: not a duration such as 500ms, 90s or 5m, nor none"},
		{map[string][]string{"sha256": {"a"}, "digest": {"b"}}, nil, "--sha256 and --digest exclude each other"},
		{map[string][]string{"no-progress": {"1s"}, "stall-timeout": {"1s"}}, nil, "--no-progress is the old name of --stall-timeout: give only one of them"},
		{nil, map[string]string{"INITH_COPY_NO_PROGRESS": "1s", "INITH_COPY_STALL_TIMEOUT": "1s"}, "$INITH_COPY_NO_PROGRESS is the old name of $INITH_COPY_STALL_TIMEOUT: give only one of them"},
		{map[string][]string{"quick": {"true"}, "streams": {"1"}}, nil, "--streams: must be 2 or more"},
		{map[string][]string{"mirror": {"a", ""}}, nil, "--mirror: value 2 of 2 is empty: check that the environment variable it comes from is set"},
		{map[string][]string{"quick": {"true"}}, map[string]string{"INITH_COPY_STREAMS": "1"}, "$INITH_COPY_STREAMS: must be 2 or more"},
	} {
		_, _, err := option.ReadLine(copyTable(), option.Line{Flags: test.flags, Environment: environment(test.env)})
		if textOf(err) != test.want {
			t.Errorf("%v %v: got %q, want %q", test.flags, test.env, textOf(err), test.want)
		}
	}
}

// TestMappingWithVariables holds the order of origins in a file: default, file, variable.
func TestMappingWithVariables(t *testing.T) {
	t.Parallel()
	table := copyTable()
	table.Environment = environment(map[string]string{"INITH_COPY_STALL_TIMEOUT": "2m", "INITH_COPY_MIRROR": "z", "INITH_COPY_DIGEST": "d"})
	got, problems := option.ReadMapping(parsed(t, "{url: a, to: b, noProgress: 5m, mirrors: [x, y], sha256: s, streams: 2}"), table)
	want := copying{Source: "a", Dest: "b", Timeout: 2 * time.Minute, Mirrors: []string{"z"}, Digest: "d", Streams: 2}
	if diff := cmp.Diff(want, got); diff != "" || problems != nil {
		t.Errorf("%v (-want +got):\n%s", problems, diff)
	}
	for in, want := range map[string]string{
		"{stallTimeout: 1s, noProgress: 1s}": "1:20: noProgress is the old name of stallTimeout: give only one of them",
		"{stallTimeout: x}":                  "1:16: stallTimeout: not a duration such as 500ms, 90s or 5m, nor none",
		"{sha256: a, digest: b}":             "",
		"{url: a, urlFromEnv: b}":            "1:1: urlFromEnv and url exclude each other",
		"{quick: true, streams: 1}":          "1:1: streams: must be 2 or more",
		"{successThreshold: 1}":              `1:2: unknown key "successThreshold"`,
	} {
		_, problems := option.ReadMapping(parsed(t, in), table)
		if got := fmt.Sprint(errorsOf(problems)); got != "["+want+"]" {
			t.Errorf("%s: got %s, want %s", in, got, want)
		}
	}
}

func errorsOf[E error](all []E) []string {
	var texts []string
	for _, e := range all {
		texts = append(texts, e.Error())
	}
	return texts
}

func TestEntriesHaveNoVariables(t *testing.T) {
	t.Parallel()
	table := option.Table[*copying]{Options: option.Entries(copyTable().Options), Environment: environment(map[string]string{"INITH_COPY_DIGEST": "d"})}
	got, problems := option.ReadMapping(parsed(t, "{digest: a, noProgress: 2m, mirrors: [x]}"), table)
	if got.Digest != "a" || got.Timeout != 2*time.Minute || problems != nil {
		t.Errorf("got %+v, %v", got, problems)
	}
}

func TestGiven(t *testing.T) {
	t.Parallel()
	table := copyTable()
	var seen option.Given
	table.Check = func(_ *copying, given option.Given) error { seen = given; return errors.New("checked") }
	_, _, err := option.ReadLine(table, option.Line{Flags: map[string][]string{"quick": {"false"}}, Args: []string{"a", "b", "c"}, Environment: environment(nil)})
	if textOf(err) != "checked" || !seen.Has("quick") || seen.Origin("stall-timeout") != option.FromDefault || len(seen.Args) != 3 || seen.Name("url") != "SOURCE" {
		t.Errorf("got %v, %+v", err, seen)
	}
}

func TestRows(t *testing.T) {
	t.Parallel()
	table := option.Table[*copying]{Options: []option.Option[*copying]{
		{Flag: "stall-timeout", Letter: "s", Old: []string{"no-progress"}, Usage: "give up after this `TIME`", Default: "1m", Kind: option.Duration},
		{Flag: "mirror", Kind: option.Strings, Usage: "a URL"},
		{Flag: "log-level", Global: true, Key: option.NoKey, Choices: []string{"info"}},
	}}
	want := []option.Row{
		{Flag: "stall-timeout", Letter: "s", Key: "stallTimeout", Variable: "INITH_SIDECAR_COPY_STALL_TIMEOUT", Old: []string{"no-progress"}, Kind: option.Duration, Usage: "give up after this TIME", Placeholder: "TIME", Default: "1m"},
		{Flag: "mirror", Key: "mirrors", Variable: "INITH_SIDECAR_COPY_MIRROR", Kind: option.Strings, Usage: "a URL", Placeholder: "VALUE"},
		{Flag: "log-level", Variable: "INITH_LOG_LEVEL", Choices: []string{"info"}, Placeholder: "VALUE"},
	}
	if diff := cmp.Diff(want, table.Rows("sidecar copy")); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
