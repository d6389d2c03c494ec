package logs_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/inith/inith/sidecar/logs"
)

// readFluentBit reads a configuration, the first of some files.
func readFluentBit(t *testing.T, files ...string) (logs.Options, string, error) {
	t.Helper()
	dir := t.TempDir()
	for i, text := range files {
		if err := os.WriteFile(filepath.Join(dir, string(rune('a'+i))+".conf"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	variables := map[string]string{"HOST": "aggregator", "KEY": "s3cr3t"}
	o, warnings, err := logs.ReadFluentBit(filepath.Join(dir, "a.conf"), func(name string) (string, bool) {
		v, ok := variables[name]
		return v, ok
	})
	var texts []string
	for _, w := range warnings {
		texts = append(texts, strings.ReplaceAll(w.Error(), dir+"/", ""))
	}
	return o, strings.Join(texts, "\n"), err
}

func TestFluentBit(t *testing.T) {
	t.Parallel()
	got, warnings, err := readFluentBit(t, `
[SERVICE]
    Flush 0.5
    Daemon Off
@SET tag=agent.*
@INCLUDE b.conf
[OUTPUT]
    name     forward
    match    agent.*
    Host     ${HOST}
    Port     24225
    tls      on
    tls.verify off
    tls.ca_file /ca.pem
    Shared_Key ${KEY}
    Username u
    Password p4ss
    Require_ack_response Off
    compress gzip
    Retry_Limit False
[OUTPUT]
    Name stdout
    Match *
    Format json_lines
[OUTPUT]
    Name file
    Path /out
    File x.log
`, `[INPUT]
    Name tail
    Path /a/*.log, /b/*.log
    Exclude_Path /a/x.log
    Tag ${tag}
    DB /state/tail.db
    Read_from_Head Off
    Skip_Long_Lines On
    Rotate_Wait 10
    Path_Key file
    Parser json
    multiline.parser java
    Mem_Buf_Limit 5MB
`)
	if err != nil || warnings != "" {
		t.Fatalf("%v, %s", err, warnings)
	}
	want := logs.Options{
		Inputs: []logs.Input{{
			Paths: []string{"/a/*.log", "/b/*.log"}, Exclude: []string{"/a/x.log"}, Across: true, Tag: "agent.*", FromEnd: true, LongLines: "skip",
			PathKey: "file", Parse: "json", Multiline: "java",
		}},
		Outputs: []logs.Output{
			{
				Kind: logs.Forward, Match: "agent.*", Addresses: []string{"aggregator:24225"}, TLS: &logs.TLS{CAFile: "/ca.pem", SkipVerify: true},
				NoAck: true, Gzip: true, User: "u",
			},
			{Kind: logs.Stdout, Match: "*"},
			{Kind: logs.File, Path: "/out/x.log"},
		},
		State: "/state", Flush: 500 * time.Millisecond, RotateWait: 10 * time.Second,
	}
	if diff := cmp.Diff(want, got, cmpopts.IgnoreFields(logs.Output{}, "SharedKey", "UserPassword")); diff != "" {
		t.Errorf("options (-want +got):\n%s", diff)
	}
	if key, err := got.Outputs[0].SharedKey(); err != nil || key != "s3cr3t" {
		t.Errorf("key %q, %v", key, err)
	}
}

func TestFluentBitWarnings(t *testing.T) {
	t.Parallel()
	_, warnings, err := readFluentBit(t, `[INPUT]
    Name tail
    Path /a/*.log
    Tag ${NOTHERE}
    Pathh x
    Parser docker
[FILTER]
    Name grep
[OUTPUT]
    Name null
    Format msgpack
`)
	want := `a.conf:4: the variable "NOTHERE" is not set
a.conf:5: key "pathh" is not known (did you mean "path"?)
a.conf:6: parser: a parser other than json has no effect here
a.conf:7: section "filter" is ignored
a.conf:11: format: a format other than json_lines has no effect here`
	if warnings != want || err != nil {
		t.Errorf("%v, %s", err, cmp.Diff(want, warnings))
	}
}

func TestFluentBitErrors(t *testing.T) {
	t.Parallel()
	const in, out = "[INPUT]\nName tail\nPath /x\n", "[OUTPUT]\nName null\n"
	for text, want := range map[string]string{
		"":                             "no input",
		in:                             "no output",
		out:                            "no input",
		"[INPUT]\nName cpu\n" + out:    "a.conf:2: input: inith has only tail",
		"[INPUT]\nPath s3cr3t\n" + out: "a.conf:1: input has no Name",
		in + "[OUTPUT]\nName forward\nMatch_Regex s3cr3t": "a.conf:6: match_regex: is not supported",
		in + "[OUTPUT]\nName forward\ntls s3cr3t":         "a.conf:6: tls: want On or Off",
		in + "[OUTPUT]\nName file\n":                      "want File",
		"[SERVICE]\nFlush s3cr3t\n" + in + out:            "a.conf:2: flush: want a time in seconds",
		"Name s3cr3t":                                     "a.conf:1: a key outside a section",
		"[INPUT":                                          "a.conf:1: want a section",
		"@INCLUDE nothere":                                "a.conf:1: @INCLUDE: no such file",
		"@INCLUDE a.conf":                                 "too large, or included by itself",
		"@SET s3cr3t":                                     "a.conf:1: want @SET",
		"[X]\n@INCLUDE s3[r3t":                            "a.conf:2: @INCLUDE: no such file",
	} {
		_, warnings, err := readFluentBit(t, text)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, want %s", text, err, want)
		}
		if strings.Contains(warnings+err.Error(), "s3cr3t") {
			t.Errorf("%q: a value is shown: %v, %s", text, err, warnings)
		}
	}
}
