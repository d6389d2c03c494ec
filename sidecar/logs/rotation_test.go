package logs_test

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/inith/inith/internal/testing/fluentserver"
	"github.com/inith/inith/sidecar/logs"
)

// TestTail has the scenarios of Fluent Bit's tests of its input tail (tests/integration, test_in_tail_001.py, and
// tests/runtime_shell/in_tail), and of OpenTelemetry's file reader.
func TestTail(t *testing.T) {
	t.Parallel()
	for name, scenario := range map[string]func(b *bench){
		"rename":                                renamed,
		"rename while the receiver is away":     renamedWhileAway,
		"several renames back to back":          renamedAgain,
		"renamed before it is found":            renamedUnseen,
		"renamed to a name that matches":        renamedMatching,
		"renamed while nobody reads":            renamedAcrossRestart,
		"renamed and written to":                renamedAndWritten,
		"copytruncate":                          copyTruncated,
		"copytruncate without a copy":           truncatedOnly,
		"copytruncate while away, with a copy":  copyTruncatedWhileAway,
		"copytruncate across a restart":         copyTruncatedAcrossRestart,
		"copytruncate twice while away":         copyTruncatedTwiceWhileAway,
		"truncated and grown beyond the offset": truncatedAndGrown,
		"truncated, with the same header":       truncatedSameHeader,
		"copytruncate with a stale writer":      staleWriter,
		"delete and recreate":                   recreated,
		"deleted while the receiver is away":    deletedWhileAway,
		"inode reused across a restart":         replacedAcrossRestart,
		"symbolic link to another target":       relinked,
		"..data of Kubernetes":                  dataLink,
		"link out of the directory":             linkedOutside,
		"restart resumes":                       restarted,
		"half line across a restart":            halfAcrossRestart,
		"permission restored":                   permissionRestored,
		"many files, rotated":                   manyRotated,
		"500 files":                             manyFiles,
		"directories that appear later":         laterDirectories,
		"from the end":                          fromEnd,
		"excluded":                              excluded,
		"renamed to an excluded name":           renamedExcluded,
		"the state is deleted with the logs":    stateDeleted,
		"state elsewhere":                       stateElsewhere,
		"a pipe and a directory":                notRegular,
		"empty lines":                           emptyLines,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			scenario(newBench(t))
		})
	}
}

// rename renames a file of the directory.
func (b *bench) rename(from, to string) {
	b.t.Helper()
	b.must(os.Rename(b.path(from), b.path(to)))
}

// copyTruncate does what logrotate's copytruncate does.
func (b *bench) copyTruncate(name, to string) {
	b.t.Helper()
	text, err := os.ReadFile(b.path(name))
	b.must(err)
	b.must(os.WriteFile(b.path(to), text, 0o600))
	b.must(os.Truncate(b.path(name), 0))
}

// long is a line whose beginning is not that of another, and longer than what identifies a file.
func long(n int) string { return fmt.Sprintf("%d %s", n, strings.Repeat("x", 300)) }

func renamed(b *bench) {
	b.write("app.log", "one\n")
	b.start()
	b.want("one")
	b.write("app.log", "two\n")
	b.rename("app.log", "app.log.1")
	b.write("app.log", "three\n")
	b.want("one", "two", "three")
	b.mustDrain()
}

func renamedWhileAway(b *bench) {
	b.answers(fluentserver.Close)
	b.start()
	b.write("app.log", "one\n")
	b.untilFollowed("app.log", 1)
	b.rename("app.log", "app.log.1")
	b.write("app.log", "two\n")
	b.untilFollowed("app.log", 2)
	b.answers(fluentserver.Ack)
	b.want("one", "two")
	b.mustDrain()
}

// untilFollowed waits until so many files of a name were found.
func (b *bench) untilFollowed(name string, n int) {
	b.t.Helper()
	b.until("it follows "+name, func() bool {
		return strings.Count(b.logged(), "msg=following path="+b.path(name)) >= n
	})
}

func renamedAgain(b *bench) {
	b.start()
	b.until("it is ready", func() bool { return b.c.Ready() == nil })
	var want []string
	for n := range 20 {
		b.write("app.log", long(n)+"\n")
		want = append(want, long(n))
		for i := n; i > 0; i-- { // as logrotate does
			b.rename(fmt.Sprintf("app.log.%d", i), fmt.Sprintf("app.log.%d", i+1))
		}
		b.rename("app.log", "app.log.1")
	}
	b.want(want...)
	b.mustDrain()
}

// renamedUnseen creates and renames a file faster than anybody can look.
func renamedUnseen(b *bench) {
	b.start()
	b.until("it is ready", func() bool { return b.c.Ready() == nil })
	b.write("app.log", "one\n")
	b.rename("app.log", "app.1")
	b.rename("app.1", "app.2")
	b.write("unrelated.txt", "no\n")
	b.want("one")
	b.mustDrain()
	b.want("one")
}

func renamedMatching(b *bench) {
	b.options.Inputs[0].Paths = []string{b.dir + "/*.log*"}
	b.write("app.log", "one\n")
	b.start()
	b.want("one")
	b.rename("app.log", "app.log.1")
	b.write("app.log", "two\n")
	b.want("one", "two")
	b.mustDrain()
	b.want("one", "two")
}

func renamedAcrossRestart(b *bench) {
	b.write("app.log", long(1)+"\n")
	b.start()
	b.want(long(1))
	b.mustDrain()
	b.write("app.log", long(2)+"\n")
	b.rename("app.log", "app.log.1")
	b.rename("app.log.1", "app.log.2")
	b.write("app.log", "three\n")
	b.start()
	b.want(long(1), long(2), "three")
	b.mustDrain()
}

func renamedAndWritten(b *bench) {
	b.write("app.log", "one\n")
	b.start()
	b.want("one")
	f, err := os.OpenFile(b.path("app.log"), os.O_WRONLY|os.O_APPEND, 0)
	b.must(err)
	defer func() { _ = f.Close() }()
	b.rename("app.log", "app.log.1")
	_, err = f.WriteString("two\n")
	b.must(err)
	b.want("one", "two")
	b.mustDrain()
}

func copyTruncated(b *bench) {
	b.write("app.log", long(1)+"\n")
	b.start()
	b.want(long(1))
	b.copyTruncate("app.log", "app.log.1")
	b.write("app.log", "two\n")
	b.want(long(1), "two")
	b.mustDrain()
	b.want(long(1), "two")
}

func truncatedOnly(b *bench) {
	b.write("app.log", "one\ntwo\n")
	b.start()
	b.want("one", "two")
	b.must(os.Truncate(b.path("app.log"), 0))
	b.write("app.log", "3\n")
	b.want("one", "two", "3")
	if !strings.Contains(b.logged(), "truncated; lines written since the last look may be lost") {
		b.t.Error("it does not say that lines may be lost")
	}
	b.mustDrain()
}

func copyTruncatedWhileAway(b *bench) {
	b.answers(fluentserver.Silent)
	b.options.Outputs[0].Timeout = patience
	b.write("app.log", long(1)+"\n")
	b.start()
	b.untilFollowed("app.log", 1)
	b.write("app.log", strings.Repeat(long(2)+"\n", 3))
	b.copyTruncate("app.log", "app.log.1")
	b.write("app.log", "three\n")
	b.until("it sees the truncation", func() bool { return strings.Contains(b.logged(), "its copy has what was not read") })
	b.server.Stop() // what was not acknowledged is sent again
	b.answers(fluentserver.Ack)
	b.must(b.server.Start())
	b.want(long(1), long(2), long(2), long(2), "three")
	b.mustDrain()
}

func copyTruncatedAcrossRestart(b *bench) {
	b.write("app.log", long(1)+"\n")
	b.start()
	b.want(long(1))
	b.mustDrain()
	b.write("app.log", long(2)+"\n")
	b.copyTruncate("app.log", "app.log.1")
	b.write("app.log", "three\n")
	b.start()
	b.want(long(1), long(2), "three")
	b.mustDrain()
}

func truncatedAndGrown(b *bench) {
	b.write("app.log", "one\n")
	b.start()
	b.want("one")
	b.must(os.WriteFile(b.path("app.log"), []byte("another and longer\n"), 0o600)) // truncates and writes
	b.want("one", "another and longer")
	b.mustDrain()
}

// truncatedSameHeader begins a file again with what it began with before.
func truncatedSameHeader(b *bench) {
	b.must(os.WriteFile(b.path("app.log"), []byte(long(0)+"\none\n"), 0o600))
	b.start()
	b.want(long(0), "one")
	b.must(os.WriteFile(b.path("app.log"), []byte(long(0)+"\n2\nthree\n"), 0o600))
	b.want(long(0), "one", long(0), "2", "three")
	b.mustDrain()
}

// staleWriter goes on at its own offset after a truncation: the file then begins with zeros.
// copyTruncatedTwiceWhileAway rotates twice while the receiver is away: of the second file, nothing was read yet. An older
// copy, which was delivered long ago, begins with the same line.
func copyTruncatedTwiceWhileAway(b *bench) {
	header := strings.Repeat("h", 300)
	b.write("a.old", header+"\nold\n")
	b.must(os.Chtimes(b.path("a.old"), time.Unix(1, 0), time.Unix(1, 0)))
	b.answers(fluentserver.Silent)
	b.options.Outputs[0].Timeout = patience
	want := slices.Repeat([]string{strings.Repeat("x", 1000)}, 4000) // more than is in flight
	b.write("app.log", strings.Join(want, "\n")+"\n")
	b.start()
	b.until("it has read what it takes", func() bool { return metric(b.t, b.c, "inith_logs_chunks_in_flight") >= 2 })
	seen := func(n int) {
		b.until("it sees the truncation", func() bool { return strings.Count(b.logged(), "its copy has what was not read") == n })
	}
	b.copyTruncate("app.log", "app.log.1")
	seen(1)
	undelivered := metric(b.t, b.c, "inith_logs_undelivered_bytes")
	b.write("app.log", header+"\ntwo\n")
	b.until("it sees the new lines", func() bool { return metric(b.t, b.c, "inith_logs_undelivered_bytes") > undelivered })
	b.copyTruncate("app.log", "app.log.2")
	seen(2)
	b.write("app.log", "four\n")
	b.until("it sees the new line", func() bool {
		return metric(b.t, b.c, "inith_logs_undelivered_bytes") == undelivered+float64(len(header))+10
	})
	b.copyTruncate("app.log", "app.log.3")
	b.write("app.log", "five\n") // at once, and as long as what was there
	seen(3)
	b.write("app.log", "three\n")
	b.server.Stop() // what was not acknowledged is sent again
	b.answers(fluentserver.Ack)
	b.must(b.server.Start())
	b.want(append(want, header, "two", "four", "five", "three")...)
	b.mustDrain()
}

func staleWriter(b *bench) {
	f, err := os.Create(b.path("app.log"))
	b.must(err)
	defer func() { _ = f.Close() }()
	_, err = f.WriteString(long(1) + "\n")
	b.must(err)
	b.start()
	b.want(long(1))
	b.must(os.Truncate(b.path("app.log"), 0))
	_, err = f.WriteString("two\n")
	b.must(err)
	b.want(long(1), "two")
	_, err = f.WriteString("three\n")
	b.must(err)
	b.want(long(1), "two", "three")
	b.mustDrain()
}

func recreated(b *bench) {
	b.write("app.log", "one\n")
	b.start()
	b.want("one")
	b.must(os.Remove(b.path("app.log")))
	b.write("app.log", "two\n")
	b.want("one", "two")
	b.mustDrain()
}

func deletedWhileAway(b *bench) {
	b.answers(fluentserver.Close)
	b.write("app.log", "one\n")
	b.start()
	b.untilFollowed("app.log", 1)
	b.must(os.Remove(b.path("app.log")))
	b.write("app.log", "two\n")
	b.untilFollowed("app.log", 2)
	b.answers(fluentserver.Ack)
	b.want("one", "two")
	b.mustDrain()
}

func replacedAcrossRestart(b *bench) {
	b.write("app.log", long(1)+"\n")
	b.start()
	b.want(long(1))
	b.mustDrain()
	b.must(os.WriteFile(b.path("app.log"), []byte(long(2)+"\n"+long(3)+"\n"), 0o600)) // the same inode
	b.start()
	b.want(long(1), long(2), long(3))
	b.mustDrain()
}

func relinked(b *bench) {
	b.write("first", "one\n")
	b.must(os.Symlink("first", b.path("app.log")))
	b.start()
	b.want("one")
	b.write("first", "two\n")
	b.write("second", "three\n")
	b.must(os.Symlink("second", b.path("new")))
	b.rename("new", "app.log")
	b.want("one", "two", "three")
	b.mustDrain()
}

func dataLink(b *bench) {
	b.must(os.MkdirAll(b.path("..1"), 0o700))
	b.must(os.MkdirAll(b.path("..2"), 0o700))
	b.write("..1/app.log", "one\n")
	b.write("..2/app.log", "two\n")
	b.must(os.Symlink("..1", b.path("..data")))
	b.must(os.Symlink("..data/app.log", b.path("app.log")))
	b.start()
	b.want("one")
	b.must(os.Symlink("..2", b.path("..new")))
	b.rename("..new", "..data")
	b.want("one", "two")
	b.mustDrain()
}

func linkedOutside(b *bench) {
	secret := filepath.Join(b.t.TempDir(), "token")
	b.must(os.WriteFile(secret, []byte("s3cr3t\n"), 0o600))
	b.must(os.Symlink(secret, b.path("app.log")))
	b.write("other.log", "one\n")
	b.start()
	b.want("one")
	b.until("it says why", func() bool { return strings.Contains(b.logged(), "--outside-links") })
	b.mustDrain()
	b.want("one")
	b.options.Inputs[0].Outside = true
	b.start()
	b.want("one", "s3cr3t")
	b.mustDrain()
}

func restarted(b *bench) {
	b.write("app.log", "one\n")
	b.write("other.log", "1\n")
	b.start()
	b.want("one", "1")
	b.mustDrain()
	b.write("app.log", "two\n")
	b.start()
	b.want("one", "1", "two")
	b.mustDrain()
	b.want("one", "1", "two")
}

func halfAcrossRestart(b *bench) {
	b.write("app.log", "one\ntw")
	b.start()
	b.want("one")
	b.cancel() // a kill, as far as the half line is concerned: nothing is written any more
	b.must(<-b.ended)
	b.ended = nil
	b.want("one", "tw")
	b.write("app.log", "o\n")
	b.start()
	b.want("one", "tw", "o")
	b.mustDrain()
}

func permissionRestored(b *bench) {
	if os.Geteuid() == 0 {
		b.must(os.Symlink("loop.log", b.path("loop.log"))) // root may read everything: a loop stands for it
	} else {
		b.write("loop.log", "")
		b.must(os.Chmod(b.path("loop.log"), 0))
	}
	b.start()
	b.until("it says that it cannot be read", func() bool { return strings.Contains(b.logged(), `"not readable" path=`+b.path("loop.log")) })
	b.must(os.Remove(b.path("loop.log")))
	b.write("loop.log", "one\n")
	b.want("one")
	b.mustDrain()
}

func manyRotated(b *bench) {
	b.start()
	b.until("it is ready", func() bool { return b.c.Ready() == nil })
	var want []string
	for round := range 5 {
		for n := range 20 {
			name := fmt.Sprintf("app%d.log", n)
			line := fmt.Sprintf("%d of %d", round, n)
			want = append(want, line)
			b.write(name, line+"\n")
			b.rename(name, fmt.Sprintf("%s.%d", name, round))
		}
	}
	b.want(want...)
	b.mustDrain()
}

func manyFiles(b *bench) {
	var want []string
	for n := range 500 {
		b.write(fmt.Sprintf("app%d.log", n), fmt.Sprintln(n))
		want = append(want, fmt.Sprint(n))
	}
	b.start()
	b.want(want...)
	b.mustDrain()
}

func laterDirectories(b *bench) {
	b.options.Inputs[0].Paths = []string{b.dir + "/logs/**/*.log"}
	b.options.State = b.path("state")
	b.start()
	b.until("it says what is missing", func() bool { err := b.c.Ready(); return err != nil && strings.Contains(err.Error(), "cannot be read") })
	b.must(os.MkdirAll(b.path("logs/a/b"), 0o700))
	b.write("logs/a/b/app.log", "one\n")
	b.write("logs/app.log", "two\n")
	b.want("one", "two")
	b.mustDrain()
}

func fromEnd(b *bench) {
	b.options.Inputs[0].FromEnd = true
	b.write("app.log", "old\n")
	b.start()
	b.untilFollowed("app.log", 1)
	b.write("app.log", "new\n")
	b.write("later.log", "later\n")
	b.want("new", "later")
	b.mustDrain()
	b.write("unseen.log", "unseen\n")
	b.start()
	b.want("new", "later", "unseen")
	b.mustDrain()
}

func excluded(b *bench) {
	b.options.Inputs[0].Exclude = []string{b.dir + "/debug*", "old*.log"}
	b.write("debug.log", "no\n")
	b.write("older.log", "no\n")
	b.write("app.log", "yes\n")
	b.start()
	b.want("yes")
	b.mustDrain()
	b.want("yes")
}

// renamedExcluded renames files before they are found, to names that keep copies from being read twice.
func renamedExcluded(b *bench) {
	b.options.Inputs[0].Paths = []string{b.dir + "/app*"}
	b.options.Inputs[0].Exclude = []string{"*.[0-9]*"}
	b.write("app.log", "first\n")
	b.start()
	b.want("first")
	want := []string{"first"}
	for i := range 200 {
		want = append(want, long(i))
		b.write("app.log", long(i)+"\n")
		b.rename("app.log", fmt.Sprintf("app.log.%d", i))
	}
	b.want(want...)
	b.mustDrain()
}

// stateDeleted deletes everything in the directory of the logs, as an application does that begins with an empty one.
func stateDeleted(b *bench) {
	b.write("app.log", "one\n")
	b.start()
	b.want("one")
	b.must(os.RemoveAll(b.path(".inith")))
	b.must(os.Remove(b.path("app.log")))
	b.write("app.log", "two\n")
	b.want("one", "two")
	b.mustDrain()
	b.start()
	b.write("app.log", "three\n")
	b.want("one", "two", "three")
	b.mustDrain()
	b.want("one", "two", "three")
}

func stateElsewhere(b *bench) {
	b.options.State = filepath.Join(b.t.TempDir(), "state")
	b.write("app.log", "one\n")
	b.start()
	b.want("one")
	other, err := logs.New(b.options)
	b.must(err)
	if err := other.Serve(b.t.Context()); err == nil || !strings.Contains(err.Error(), "another process uses it") {
		b.t.Errorf("a second one: %v", err)
	}
	b.mustDrain()
	if _, err := os.Stat(b.path(".inith")); !errors.Is(err, os.ErrNotExist) {
		b.t.Errorf("something was written next to the logs: %v", err)
	}
	b.start()
	b.mustDrain()
	b.want("one")
}

func notRegular(b *bench) {
	b.must(os.Mkdir(b.path("directory.log"), 0o700))
	b.must(makePipe(b.path("pipe.log")))
	b.write("app.log", "one\n")
	b.start()
	b.want("one")
	b.mustDrain()
}

func emptyLines(b *bench) {
	b.write("app.log", "\n\r\none\n")
	b.start()
	b.want("", "", "one")
	b.mustDrain()
}

// TestUndelivered has a receiver that does not answer: the error says what is left, and the next start sends it.
func TestUndelivered(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.answers(fluentserver.Silent)
	b.write("app.log", "one\ntwo\n")
	b.write("other.log", "three\n")
	b.start()
	b.untilFollowed("other.log", 1)
	b.cancel()
	b.c.Stop()
	err := <-b.ended
	b.ended = nil
	if err == nil || !strings.Contains(err.Error(), "undelivered: 14 bytes of 2 files") {
		t.Errorf("got %v", err)
	}
	b.answers(fluentserver.Ack)
	b.start()
	b.want("one", "two", "three")
	b.mustDrain()
}

// TestUndeliveredSaysWhy has outputs that fail: the error at the end, all that kubectl describe shows, has the reason.
func TestUndeliveredSaysWhy(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		output logs.Output
		logged string
		want   string
	}{
		"forward": {logs.Output{Kind: logs.Forward, Addresses: []string{"localhost:1"}}, "not delivered, trying again", "start; localhost:1: connection refused"},
		"file":    {logs.Output{Kind: logs.File, Path: "/nonexistent/out"}, "not written, trying again", "start; file /nonexistent/out: no such file"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			b.options.Outputs = []logs.Output{test.output}
			b.write("app.log", "one\n")
			b.start()
			b.until("it was tried", func() bool { return strings.Contains(b.logged(), test.logged) })
			b.cancel()
			b.c.Stop()
			err := <-b.ended
			b.ended = nil
			if err == nil || !strings.Contains(err.Error(), "undelivered: 4 bytes of 1 files") || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want %q", err, test.want)
			}
		})
	}
}

// TestDirectoryOfTheApplication has the logs in a directory that the application makes, perhaps as another user: what the
// sidecar makes for its state has the mode of the volume.
func TestDirectoryOfTheApplication(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.must(os.Chmod(b.dir, 0o777)) // as an emptyDir has it
	b.options.Inputs[0].Paths = []string{b.dir + "/app/logs/*.log"}
	b.start()
	b.until("there is a state", func() bool { _, err := os.Stat(b.path("app/logs/.inith/logs.state")); return err == nil })
	for name, want := range map[string]os.FileMode{"app": 0o777, "app/logs": 0o777, "app/logs/.inith": 0o700} {
		info, err := os.Stat(b.path(name))
		b.must(err)
		if info.Mode().Perm() != want {
			t.Errorf("%s has mode %o, want %o", name, info.Mode().Perm(), want)
		}
	}
	b.write("app/logs/a.log", "one\n")
	b.want("one")
	b.mustDrain()
}

// TestHeldFiles deletes more than may be kept while the receiver is away: the oldest is dropped, and reported.
func TestHeldFiles(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.options.HeldBytes = 1000
	b.answers(fluentserver.Close)
	b.start()
	for n := range 4 {
		b.write("app.log", long(n)+"\n")
		b.untilFollowed("app.log", n+1)
		b.must(os.Remove(b.path("app.log")))
		b.write("other.log", "")
	}
	b.until("it drops the oldest", func() bool { return strings.Contains(b.logged(), "dropped: too many renamed or deleted files") })
	b.answers(fluentserver.Ack)
	b.until("the others arrive", func() bool { return len(b.lines()) >= 3 })
	b.mustDrain()
	if got := metric(t, b.c, "inith_logs_dropped_bytes_total"); got != float64(len(long(0))+1) {
		t.Errorf("%v bytes were dropped", got)
	}
}

// TestHeldFilesLimit deletes one more file than is kept open while the receiver is away.
func TestHeldFilesLimit(t *testing.T) {
	t.Parallel()
	const limit = 64
	b := newBench(t)
	b.options.HeldFiles = limit
	b.answers(fluentserver.Close)
	b.start()
	for n := range limit + 1 {
		b.write("app.log", fmt.Sprintln(n))
		b.untilFollowed("app.log", n+1)
		b.must(os.Remove(b.path("app.log")))
	}
	b.until("it drops the oldest", func() bool { return metric(t, b.c, "inith_logs_files_dropped_total") > 0 })
	dropped, held := metric(t, b.c, "inith_logs_files_dropped_total"), metric(t, b.c, "inith_logs_held_files")
	if dropped != 1 || held != limit {
		t.Errorf("%v files were dropped and %v are held, want 1 and %d", dropped, held, limit)
	}
	b.answers(fluentserver.Ack)
	b.mustDrain()
	if got := len(b.lines()); got < limit {
		t.Errorf("%d lines of %d files arrived", got, limit)
	}
}

// TestHeldFilesOfABurst renames more files than are kept open before any is read: a receiver that is there gets them all.
func TestHeldFilesOfABurst(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.options.HeldFiles, b.options.HeldBytes, b.options.RotateWait = 2, 1, time.Hour
	b.start()
	b.until("it is ready", func() bool { return b.c.Ready() == nil })
	var want []string
	for n := range 20 {
		b.write("app.log", long(n)+"\n")
		b.rename("app.log", fmt.Sprintf("app.log.%d", n))
		want = append(want, long(n))
	}
	b.want(want...)
	b.mustDrain()
	if got := metric(t, b.c, "inith_logs_files_dropped_total"); got != 0 {
		t.Errorf("%v files were dropped", got)
	}
}

// TestWithoutInotify has scenarios in which directories are read each second, and nothing else tells of a change.
func TestWithoutInotify(t *testing.T) {
	t.Parallel()
	for name, scenario := range map[string]func(b *bench){
		"rename":                            renamed,
		"rename while the receiver is away": renamedWhileAway,
		"renamed while nobody reads":        renamedAcrossRestart,
		"copytruncate":                      copyTruncated,
		"delete and recreate":               recreated,
		"directories that appear later":     laterDirectories,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			b.prepare = (*logs.Collector).WithoutInotify
			scenario(b)
			if !strings.Contains(b.logged(), "directories are only read each second") {
				t.Error("it does not say what that means")
			}
		})
	}
}

// TestOutages stops and starts the receiver while lines are written.
func TestOutages(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.start()
	var want []string
	for n := range 5 {
		b.server.Stop()
		want = append(want, fmt.Sprint(n))
		b.write("app.log", fmt.Sprintln(n))
		b.until("it notices", func() bool { return strings.Count(b.logged(), "connection refused") > 0 })
		b.must(b.server.Start())
		b.until("the line arrives", func() bool { return len(b.lines()) >= n+1 })
	}
	b.mustDrain()
	b.want(want...)
	if got := metric(t, b.c, "inith_logs_undelivered_bytes"); got != 0 {
		t.Errorf("%v bytes are undelivered", got)
	}
}

// metric returns the value of a metric.
func metric(t *testing.T, c *logs.Collector, name string) float64 {
	t.Helper()
	all, err := c.Gatherer().Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, family := range all {
		if family.GetName() != name {
			continue
		}
		m := family.GetMetric()[0]
		return m.GetCounter().GetValue() + m.GetGauge().GetValue()
	}
	t.Fatalf("no metric %s", name)
	return 0
}

var _ io.Writer = (*bench)(nil)
