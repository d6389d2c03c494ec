package main

import (
	"strings"
	"testing"
)

func TestReport(t *testing.T) {
	const pass = `{"Action":"pass","Package":"p","Test":"TestA"}` + "\n"
	const skip = `{"Action":"output","Package":"p","Test":"TestB","Output":"    b_test.go:1: no Docker\n"}` + "\n" + `{"Action":"skip","Package":"p","Test":"TestB"}` + "\n"
	const fail = `{"Action":"output","Package":"p","Test":"TestC","Output":"wrong\n"}` + "\n" + `{"Action":"fail","Package":"p","Test":"TestC"}` + "\n"
	for _, tt := range []struct {
		name, events string
		strict       bool
		allow        string
		want         bool
		text         string
	}{
		{"passed", pass, true, "", true, "1 passed, 0 failed, 0 skipped"},
		{"failed", pass + fail, false, "", false, "wrong\n1 passed, 1 failed, 0 skipped"},
		{"skipped", pass + skip, false, "", true, "skipped: TestB: b_test.go:1: no Docker"},
		{"skipped where none may", pass + skip, true, "", false, "that is a failure here: TestB"},
		{"skipped where that one may", pass + skip, true, "TestB", true, "skipped: TestB"},
		{"did not build", `{"Action":"fail","Package":"p"}` + "\n", false, "", false, "0 passed, 1 failed"},
		{"did not end", `{"Action":"start","Package":"p"}` + "\n" + pass, false, "", false, "p did not end"},
		{"panicked", `{"Action":"output","Package":"p","Test":"TestD","Output":"panic: boom\n"}` + "\n" + `{"Action":"fail","Package":"p"}` + "\n", false, "", false, "TestD was running when its package ended\npanic: boom"},
		{"no test", "", false, "", false, "0 passed"},
		{"not JSON", "go: cannot find module\n" + pass, false, "", true, "cannot find module"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var out strings.Builder
			r := newReport()
			if err := r.read(strings.NewReader(tt.events), &out); err != nil {
				t.Fatal(err)
			}
			if got := r.summarize(&out, tt.strict, strings.Split(tt.allow, ",")); got != tt.want {
				t.Errorf("ok = %v, want %v", got, tt.want)
			}
			if !strings.Contains(out.String(), tt.text) {
				t.Errorf("output %q, want %q in it", out.String(), tt.text)
			}
		})
	}
}
