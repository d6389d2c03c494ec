package probe

import (
	"errors"
	"slices"
	"strings"

	goredis "github.com/redis/go-redis/v9"

	"github.com/inith/inith/internal/usererr"
)

// judge decides on an error answer by its first word. The rest is not shown.
func (r *redis) judge(err error) error {
	answer, ok := errors.AsType[goredis.Error](err)
	if !ok {
		return err
	}
	if _, ours := errors.AsType[*usererr.Error](err); ours {
		return err
	}
	code, text, _ := strings.Cut(answer.Error(), " ")
	known := &usererr.Error{Text: "answered " + answerCode(code), Err: err}
	switch {
	case code == "NOPERM" && r.spec.level < LevelState:
		return nil // it knows us, and answers
	case code == "NOPERM":
		known.Text += ", the user lacks the permission"
		known.Hint = "allow EXISTS on the key, or ROLE, in its ACL"
	case code == "ERR" && strings.HasPrefix(text, "AUTH "):
		known.Text += ", the server has no password"
		known.Hint = "remove the password from the URL, or set one in the server: most clients fail with the one that the URL has"
		return Rejected(known)
	case code == "NOAUTH", code == "WRONGPASS":
		if r.spec.level == LevelProto {
			return nil // up, and it wants a password
		}
		known.Text += ", user or password refused"
		known.Hint = "pass the password with #password-file=; without ACLs the user is default"
		return Rejected(known)
	case code == "LOADING":
		known.Text += ", the server is loading its data"
	case code == "MASTERDOWN":
		known.Text += ", the replica is not connected to its master"
	case code == "MOVED":
		known.Text += ", another node of the cluster has the key"
		known.Hint = "name the node that owns the key, or ask for level auth"
	case code == "DENIED":
		known.Text += ", protected mode accepts local clients only"
		known.Hint = "set a password in the server, or protected-mode no"
		return Permanent(known)
	case code == "ERR" && strings.HasPrefix(text, "max number of clients"):
		known.Text = "no connection left (maxclients)"
	}
	return known
}

// answerCode returns the first word of an error answer, if it is one that Redis
// gives: another server may repeat what it was sent, and a password may be a word in
// upper case.
func answerCode(code string) string {
	known := []string{
		"ASK", "BUSY", "CLUSTERDOWN", "CROSSSLOT", "DENIED", "ERR", "EXECABORT", "LOADING", "MASTERDOWN", "MISCONF",
		"MOVED", "NOAUTH", "NOMASTERLINK", "NOPERM", "NOPROTO", "NOREPLICAS", "NOTREADY", "OOM", "READONLY", "TRYAGAIN",
		"UNKILLABLE", "WRONGPASS", "WRONGTYPE",
	}
	if !slices.Contains(known, code) {
		return "an error"
	}
	return code
}
