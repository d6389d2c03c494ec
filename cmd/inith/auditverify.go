package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/inith/inith/cmd/inith/internal/option"
	"github.com/inith/inith/cmd/inith/internal/view"
	"github.com/inith/inith/sidecar/audit"
)

const auditVerifyDescription = `Verifies the log of "inith sidecar audit": the sequence numbers and the chain of
hashes over all FILEs, compressed ones too, in any order. It names the first line
that does not follow from the one before.

EXAMPLES:
   inith sidecar audit verify /audit/requests*.jsonl*
   inith sidecar audit verify --chain-key-file /run/secrets/chain requests.jsonl`

type auditVerifyOptions struct {
	files   []string
	keyFile string
}

func auditVerifyTable() option.Table[*auditVerifyOptions] {
	type o = auditVerifyOptions
	return option.Table[*o]{
		Options: []option.Option[*o]{
			{
				Arg: "FILE", Key: option.NoKey, Kind: option.Strings,
				Usage: "a file of the log",
				Set:   option.ToStrings(func(o *o) *[]string { return &o.files }),
			},
			{
				Flag: "chain-key-file", Key: option.NoKey,
				Usage: "the chain is an HMAC with the key in this `FILE`",
				Set:   option.ToString(func(o *o) *string { return &o.keyFile }),
			},
		},
		Check: func(o *o, _ option.Given) error {
			if len(o.files) == 0 {
				return errors.New("want the files of a log, as in inith sidecar audit verify /audit/requests*.jsonl*")
			}
			return nil
		},
	}
}

func auditVerifyCommand(c *call) *definition {
	return define(c, spec[*auditVerifyOptions]{
		usage:       []string{"inith sidecar audit verify [OPTION...] FILE..."},
		description: func() string { return auditVerifyDescription },
		exits:       [][2]string{{"3", "a line was changed, removed or inserted"}},
		table:       auditVerifyTable(),
		open: func(_ context.Context, s session, o *auditVerifyOptions, _ option.Given) (job, error) {
			key, err := chainKey(o.keyFile)
			return &auditVerifyJob{s, o.files, key}, err
		},
	})
}

type auditVerifyJob struct {
	session session
	files   []string
	key     []byte
}

func (j *auditVerifyJob) run(ctx context.Context) (outcome string, err error) {
	r, err := audit.Verify(j.files, j.key)
	if err != nil {
		return "", err
	}
	j.session.Log.InfoContext(ctx, "verified", "files", r.Files, "records", r.Records, "first", r.First, "last", r.Last,
		"torn", r.Torn, "lost", r.Lost, "closed", r.Closed)
	return fmt.Sprintf("verified: %s in %s, %d to %d", view.Count(int(r.Records), "record"), view.Count(r.Files, "file"), r.First, r.Last), nil
}
