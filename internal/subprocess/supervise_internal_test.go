package subprocess

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"syscall"
	"testing"
)

// A termination is SIGTERM: others may be ignored where the tests run, as under nohup.
type termination struct{}

func (termination) Error() string          { return "a signal" }
func (termination) Signal() syscall.Signal { return syscall.SIGTERM }

// TestCatchUp has the context end by a signal that the command has got, is about to get, or would not get: it gets it once.
func TestCatchUp(t *testing.T) {
	t.Parallel()
	for name, arrives := range map[string]func(s *supervision, signals chan<- os.Signal){
		"forwarded": func(s *supervision, _ chan<- os.Signal) { s.forward(syscall.SIGTERM) },
		"waiting":   func(_ *supervision, signals chan<- os.Signal) { signals <- syscall.SIGTERM },
		"missed":    func(*supervision, chan<- os.Signal) {},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := exec.CommandContext(t.Context(), "/bin/sh", "-c", `trap 'echo caught' TERM; echo ready; for n in 1 2 3 4 5 6 7 8; do if read line; then echo "$line"; fi; done`)
			in, inErr := c.StdinPipe()
			out, outErr := c.StdoutPipe()
			if inErr != nil || outErr != nil || c.Start() != nil {
				t.Fatal(inErr, outErr)
			}
			lines := bufio.NewReader(out)
			want := func(want string) {
				t.Helper()
				if got, err := lines.ReadString('\n'); got != want+"\n" {
					t.Fatalf("read %q, %v, want %q", got, err, want)
				}
			}
			want("ready")
			signals := make(chan os.Signal, 8)
			s := &supervision{pid: c.Process.Pid, signals: signals}
			arrives(s, signals)
			if s.seen { // else two signals may count as one
				want("caught")
			}
			s.catchUp(termination{})
			if name != "forwarded" {
				want("caught")
			}
			for len(signals) > 0 { // as wait does
				s.forward(<-signals)
			}
			if _, err := fmt.Fprintln(in, "next"); err != nil {
				t.Fatal(err)
			}
			want("next") // and not the signal once more
			s.catchUp(io.ErrClosedPipe)
			if err := in.Close(); err != nil {
				t.Error(err)
			}
			if err := c.Wait(); err != nil {
				t.Error(err)
			}
		})
	}
}
