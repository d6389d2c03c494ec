package planfile

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/inith/inith/cmd/inith/internal/environment"
)

const canary = "can/ary"

func TestExpand(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(file, []byte(" a/b \n"), 0o600); err != nil {
		t.Fatal(err)
	}
	e := &expander{env: environment.Variables{"PW=p@s/s:?#%", "HOST=db.example:5432", "V6=[::1]:80", "URL=http://u:p@h/x?y", "EMPTY=", "IN_FILE_FILE=" + file, "SECRET=" + canary}}
	for in, want := range map[string]string{
		"":                               "",
		"plain $HOME $(x) 5$":            "plain $HOME $(x) 5$",
		"$$ $${PW} $$$$":                 "$ ${PW} $$",
		"${PW}":                          "p@s/s:?#%",
		"x ${PW}://":                     "x p@s/s:?#%://",
		"${URL}":                         "http://u:p@h/x?y",
		"postgres://u:${PW}@${HOST}/app": "postgres://u:p%40s%2Fs%3A%3F%23%25@db.example:5432/app",
		"postgres://${PW}@h/x":           "postgres://p%40s%2Fs%3A%3F%23%25@h/x",
		"http://${V6}/${PW}?a=${PW}#b=${PW}": "http://[::1]:80/p%40s%2Fs%3A%3F%23%25?a=p%40s%2Fs%3A%3F%23%25" +
			"#b=p%40s%2Fs%3A%3F%23%25",
		"http://h/${file:" + file + "}":         "http://h/a%2Fb",
		"http://${file:" + file + "}@${HOST}/x": "http://a%2Fb@db.example:5432/x",
		"file://${file:" + file + "}/c d":       "file://a/b/c d",
		"${IN_FILE} + ${file:" + file + "}":     "a/b + a/b",
	} {
		got, err := e.expandString(in)
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("%q: %v (-want +got):\n%s", in, err, diff)
		}
	}
	for in, want := range map[string]string{
		"${":                   "is not closed",
		"a ${PW":               "is not closed",
		"${}":                  "want ${NAME}",
		"${PW:-x}":             "want ${NAME}",
		"${NOTHING}":           "neither $NOTHING nor $NOTHING_FILE is set",
		"${EMPTY}":             "neither $EMPTY nor $EMPTY_FILE is set",
		"${file:/nowhere/x}":   `"/nowhere/x" cannot be read`,
		"${file:/dev/null}":    `"/dev/null" is empty`,
		"http://${PW}/":        "the value is not a host",
		"http://u@${SECRET}/x": "the value is not a host",
	} {
		if _, err := e.expandString(in); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), canary) {
			t.Errorf("%q: got %v, want %s", in, err, want)
		}
	}
}
