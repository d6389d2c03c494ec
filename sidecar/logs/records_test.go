package logs_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/inith/inith/sidecar/logs"
)

// recordsOf returns the fields of the records that an input makes of a text.
func recordsOf(t *testing.T, in logs.Input, text string) (fields []map[string]any, times []time.Time) {
	t.Helper()
	b := newBench(t)
	in.Paths, in.Tag = []string{b.dir + "/*.log"}, "t"
	b.options.Inputs = []logs.Input{in}
	b.write("app.log", text)
	b.start()
	b.untilFollowed("app.log", 1)
	b.mustDrain()
	for _, r := range b.records() {
		fields = append(fields, r.Fields)
		times = append(times, r.Time)
	}
	return fields, times
}

func TestRecords(t *testing.T) {
	t.Parallel()
	type record = map[string]any
	x := func(n int) string { return strings.Repeat("x", n) }
	for name, tt := range map[string]struct {
		in   logs.Input
		text string
		want []record
	}{
		"CRLF":        {text: "one\r\ntwo\r\r\n", want: []record{{"log": "one"}, {"log": "two\r"}}},
		"zeros":       {text: "\x00\x00\x00one\ntwo\x00\n", want: []record{{"log": "one"}, {"log": "two\x00"}}},
		"at limit":    {in: logs.Input{LineLimit: 20}, text: x(20) + "\r\ny\n", want: []record{{"log": x(20)}, {"log": "y"}}},
		"split":       {in: logs.Input{LineLimit: 20}, text: x(50) + "\ny\n", want: []record{{"log": x(20), "_partial": true}, {"log": x(20), "_partial": true}, {"log": x(10)}, {"log": "y"}}},
		"split runes": {in: logs.Input{LineLimit: 20}, text: strings.Repeat("ä", 15) + "x\n", want: []record{{"log": strings.Repeat("ä", 10), "_partial": true}, {"log": strings.Repeat("ä", 5) + "x"}}},
		"cut":         {in: logs.Input{LineLimit: 20, LongLines: "cut"}, text: x(50) + "\ny\n", want: []record{{"log": x(20)}, {"log": "y"}}},
		"skip":        {in: logs.Input{LineLimit: 20, LongLines: "skip"}, text: x(50) + "\ny\n", want: []record{{"log": "y"}}},
		"fields": {
			in: logs.Input{Key: "message", PathKey: "file", OffsetKey: "at", Fields: []logs.Field{
				{Name: "env", Value: "prod"}, {In: "kubernetes", Name: "pod_name", Value: "p"}, {In: "kubernetes", Name: "host", Value: "n"},
			}},
			text: "one\ntwo\n",
			want: []record{
				{"message": "one", "file": "PATH", "at": int64(0), "env": "prod", "kubernetes": record{"pod_name": "p", "host": "n"}},
				{"message": "two", "file": "PATH", "at": int64(4), "env": "prod", "kubernetes": record{"pod_name": "p", "host": "n"}},
			},
		},
		"json": {
			in:   logs.Input{Parse: "json", Fields: []logs.Field{{Name: "env", Value: "prod"}}},
			text: `{"a":1,"b":-1.5,"c":"s","d":null,"e":[true,{"f":{}}],"g":18446744073709551615}` + "\nno json\n{\"a\":1} more\n{\"a\":\n",
			want: []record{
				{"a": int64(1), "b": -1.5, "c": "s", "d": nil, "e": []any{true, record{"f": record{}}}, "g": uint64(18446744073709551615), "env": "prod"},
				{"log": "no json", "env": "prod"},
				{"log": `{"a":1} more`, "env": "prod"},
				{"log": `{"a":`, "env": "prod"},
			},
		},
		"deep json": {in: logs.Input{Parse: "json"}, text: `{"a":` + strings.Repeat("[", 200) + strings.Repeat("]", 200) + "}\n", want: []record{{"log": `{"a":` + strings.Repeat("[", 200) + strings.Repeat("]", 200) + "}"}}},
		"regexp": {
			in:   logs.Input{Parse: `^(?P<level>\w+) (?P<text>.*)$`},
			text: "INFO it works\n!\n",
			want: []record{{"level": "INFO", "text": "it works"}, {"log": "!"}},
		},
		"multiline regexp": {
			in:   logs.Input{Multiline: `^\d`},
			text: "0 one\n more\r\n  and more\n1 two\n2 three\n",
			want: []record{{"log": "0 one\n more\r\n  and more"}, {"log": "1 two"}, {"log": "2 three"}},
		},
		"multiline limit": {
			in:   logs.Input{Multiline: `^\d`, LineLimit: 20},
			text: "0 " + x(10) + "\n" + x(10) + "\n" + x(10) + "\n1\n",
			want: []record{{"log": "0 " + x(10)}, {"log": x(10)}, {"log": x(10)}, {"log": "1"}},
		},
		"python": {
			in:   logs.Input{Multiline: "python"},
			text: "starting\n" + traceback + "next\n",
			want: []record{{"log": "starting"}, {"log": strings.TrimSuffix(traceback, "\n")}, {"log": "next"}},
		},
		"java": {
			in:   logs.Input{Multiline: "java"},
			text: "starting\n" + javaTrace + "next\n",
			want: []record{{"log": "starting"}, {"log": strings.TrimSuffix(javaTrace, "\n")}, {"log": "next"}},
		},
		"go": {
			in:   logs.Input{Multiline: "go"},
			text: "starting\n" + goPanic,
			want: []record{{"log": "starting"}, {"log": strings.TrimSuffix(goPanic, "\n")}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, _ := recordsOf(t, tt.in, tt.text)
			for _, r := range got {
				if path, ok := r["file"].(string); ok && strings.HasSuffix(path, "/app.log") {
					r["file"] = "PATH"
				}
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("records (-want +got):\n%s", diff)
			}
		})
	}
}

const traceback = `Traceback (most recent call last):
  File "app.py", line 3, in <module>
    main()
KeyError: 'x'

During handling of the above exception, another exception occurred:

Traceback (most recent call last):
  File "app.py", line 5, in <module>
    raise ValueError("y")
ValueError: y
`

const javaTrace = `Exception in thread "main" java.lang.RuntimeException: x
	at com.example.Main.run(Main.java:7)
	at com.example.Main.main(Main.java:3)
Caused by: java.io.IOException: y
	at com.example.Io.read(Io.java:9)
	... 2 more
`

const goPanic = `panic: runtime error: index out of range [1] with length 1

goroutine 1 [running]:
main.f(...)
	/src/main.go:9
main.main()
	/src/main.go:5 +0x1d
exit status 2
`

// TestRecordWaits shows that a record of several lines is not sent before it is complete, unless nothing comes.
func TestRecordWaits(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.options.Inputs[0].Multiline = `^\d`
	b.write("app.log", "0 one\n more\n1 two\n")
	b.start()
	b.until("the first record", func() bool { return len(b.lines()) >= 1 })
	if got := b.lines()[0]; got != "0 one\n more" {
		t.Errorf("got %q", got)
	}
	b.want("0 one\n more", "1 two") // without another line
	b.mustDrain()
}

// TestLargeLine has a line that is larger than a chunk.
func TestLargeLine(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.options.Inputs[0].LineLimit = 4 << 20
	line := strings.Repeat("x", 3<<20)
	b.write("app.log", "one\n"+line)
	b.start()
	b.want("one")
	b.write("app.log", "\ntwo\n")
	b.want("one", line, "two")
	b.mustDrain()
}

func TestTimes(t *testing.T) {
	t.Parallel()
	want := time.Date(2026, 11, 29, 10, 15, 0, 250e6, time.UTC)
	for format, text := range map[string]string{
		"":                        `"2026-11-29T11:15:00.25+01:00"`,
		"unix":                    `1795947300.25`,
		"unix-ms":                 `1795947300250`,
		"%Y-%m-%dT%H:%M:%S.%L%z":  `"2026-11-29T11:15:00.250+0100"`,
		"%d/%b/%Y:%H:%M:%S.%L %z": `"29/Nov/2026:10:15:00.250 +00:00"`,
	} {
		t.Run(format, func(t *testing.T) {
			t.Parallel()
			fields, times := recordsOf(t, logs.Input{Parse: "json", TimeKey: "time", TimeForm: format}, fmt.Sprintf("{\"time\":%s,\"a\":1}\n{\"time\":\"never\"}\n", text))
			if len(times) != 2 || !times[0].Equal(want) {
				t.Fatalf("got %v, want %v", times, want)
			}
			if diff := cmp.Diff([]map[string]any{{"a": int64(1)}, {"time": "never"}}, fields); diff != "" {
				t.Errorf("fields (-want +got):\n%s", diff)
			}
		})
	}
}
