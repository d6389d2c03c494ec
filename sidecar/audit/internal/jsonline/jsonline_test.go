package jsonline_test

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/inith/inith/sidecar/audit/internal/jsonline"
)

func TestWriter(t *testing.T) {
	t.Parallel()
	w := jsonline.Writer{}
	w.Open("")
	w.Text("a", "x\n")
	w.Text("none", "")
	w.Open("b")
	w.Int("n", -1)
	w.Thousandths("ms", 1500)
	w.Thousandths("zero", 0)
	w.Close()
	w.Open("empty")
	w.Close()
	w.Texts("list", []string{"y", "\""})
	w.Texts("none", nil)
	w.True("yes", true)
	w.True("no", false)
	w.Raw("raw", []byte(`[1]`))
	w.Raw("none", nil)
	w.Open("named")
	w.Named("a\"", "b")
	w.Named("c", "")
	w.Close()
	w.Close()
	want := `{"a":"x\n","b":{"n":-1,"ms":1.5,"zero":0},"empty":{},"list":["y","\""],"yes":true,"raw":[1],"named":{"a\"":"b","c":""}}`
	if string(w.Bytes) != want {
		t.Errorf("got  %s\nwant %s", w.Bytes, want)
	}
}

// FuzzAppendString compares it with encoding/json.
func FuzzAppendString(f *testing.F) {
	for _, s := range []string{"", "plain", "a\"b\\c/d", "\x00\x01\b\f\n\r\t\x1f\x7f", "äöü€😀", "\u2028\u2029", "\xff\xc3(", "a\xe2\x80", "<&>", "x\ufffdy"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		var want bytes.Buffer
		e := json.NewEncoder(&want)
		e.SetEscapeHTML(false)
		if err := e.Encode(s); err != nil {
			t.Fatal(err)
		}
		if got := string(jsonline.AppendString([]byte("x"), s)) + "\n"; got != "x"+want.String() {
			t.Errorf("got %s, want x%s", got, want.String())
		}
	})
}
