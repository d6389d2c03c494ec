package aws

import (
	"encoding/json"
	"syscall"
	"time"

	"github.com/inith/inith/internal/login"
)

// errNotDir is that of a path below what is no directory.
const errNotDir = syscall.ENOTDIR

// readJSON reads the answer of an agent, or of an instance.
func readJSON(who string, body []byte) (*login.Found, error) {
	var c struct {
		AccessKeyID     string `json:"AccessKeyId"`
		SecretAccessKey string
		Token           string
		Expiration      string
	}
	if json.Unmarshal(body, &c) != nil {
		return nil, login.NotUnderstood(who)
	}
	return served(who, login.Credentials{KeyID: c.AccessKeyID, Secret: c.SecretAccessKey, Token: c.Token}, c.Expiration)
}

// served returns credentials that a server gave.
func served(who string, c login.Credentials, expiration string) (*login.Found, error) {
	f := &login.Found{Credentials: c, Keep: true}
	if expiration != "" {
		var err error
		if f.Expires, err = time.Parse(time.RFC3339, expiration); err != nil {
			return nil, login.NotUnderstood(who)
		}
	}
	return checked(who, f)
}
