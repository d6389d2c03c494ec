package aws

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"strings"

	"github.com/inith/inith/internal/login"
	"github.com/inith/inith/internal/redact"
	"github.com/inith/inith/internal/usererr"
)

// A profile has the settings of one name in the shared files, the keys in lower case.
// https://docs.aws.amazon.com/sdkref/latest/guide/file-format.html
type profile map[string]string

// Setting returns a setting of the profile, such as region, "" if there is none.
func (p Places) Setting(key string) (string, error) {
	settings, err := p.profile()
	return settings[key], err
}

// profileName returns the name as it may be shown.
func (p Places) profileName() string {
	if p.Profile == "" {
		return "default"
	}
	return redact.Name(p.Profile)
}

// profile reads both files. What the file of credentials says counts.
func (p Places) profile() (profile, error) {
	name := p.Profile
	if name == "" {
		name = "default"
	}
	all := profile{}
	inConfig, err := p.readShared("AWS_CONFIG_FILE", p.ConfigFile, "config", "profile "+name, name)
	if err != nil {
		return nil, err
	}
	inCredentials, err := p.readShared("AWS_SHARED_CREDENTIALS_FILE", p.CredentialsFile, "credentials", name, name)
	if err != nil {
		return nil, err
	}
	if p.Profile != "" && inConfig == nil && inCredentials == nil {
		return nil, login.Final("check AWS_PROFILE, AWS_SHARED_CREDENTIALS_FILE and AWS_CONFIG_FILE",
			"there is no profile %s in the shared files", p.profileName())
	}
	maps.Copy(all, inConfig)
	maps.Copy(all, inCredentials)
	return all, nil
}

// readShared reads the sections with one of two names from a shared file; nil if there are none. A
// file that was not named need not exist.
func (p Places) readShared(variable, file, usual, section, other string) (profile, error) {
	const longest = 1 << 20
	named := file != ""
	if !named && p.Home == "" {
		return nil, nil
	}
	if !named {
		file = filepath.Join(p.Home, ".aws", usual)
	}
	f, err := os.Open(file)
	if err != nil {
		if !named && (errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) || errors.Is(err, errNotDir)) {
			return nil, nil
		}
		return nil, usererr.File("the file of "+variable, file, err)
	}
	defer func() { _ = f.Close() }()
	b, err := io.ReadAll(io.LimitReader(f, longest))
	if err != nil {
		return nil, usererr.File("the file of "+variable, file, err)
	}
	return parseShared(string(b), section, other), nil
}

// parseShared returns the settings of the sections with one of two names. Lines that are
// indented belong to the setting before them, which has none that is of use here.
func parseShared(text, section, other string) profile {
	var all profile
	inside := false
	for line := range strings.Lines(text) {
		trimmed := strings.TrimSpace(line)
		switch {
		case trimmed == "" || trimmed[0] == '#' || trimmed[0] == ';':
		case trimmed[0] == '[':
			name := strings.Join(strings.Fields(strings.Trim(trimmed, "[]")), " ")
			if inside = name == section || name == other; inside && all == nil {
				all = profile{}
			}
		case inside && line[0] != ' ' && line[0] != '\t':
			key, value, _ := strings.Cut(trimmed, "=")
			all[strings.ToLower(strings.TrimSpace(key))] = strings.TrimSpace(value)
		}
	}
	return all
}

func (l *Login) inProfile(ctx context.Context) (*login.Found, error) {
	p, err := l.profile()
	if err != nil {
		return nil, err
	}
	name := "the profile " + l.profileName()
	if p["aws_access_key_id"] != "" || p["aws_secret_access_key"] != "" {
		return checked(name, &login.Found{Credentials: login.Credentials{
			KeyID: p["aws_access_key_id"], Secret: p["aws_secret_access_key"], Token: p["aws_session_token"],
		}})
	}
	if p["web_identity_token_file"] != "" {
		return l.assumeRole(ctx, webIdentity{p["web_identity_token_file"], p["role_arn"], p["role_session_name"]})
	}
	for _, key := range []string{"credential_process", "sso_session", "sso_start_url", "source_profile", "credential_source", "login_session"} {
		if p[key] != "" {
			return nil, login.Final("inith runs no program and assumes no role by another one: give it credentials of the role, by a service account or temporary keys",
				"%s has %s, which inith does not support", name, key)
		}
	}
	return nil, nil //nolint:nilnil // not here
}
