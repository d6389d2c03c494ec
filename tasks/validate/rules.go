package validate

import "github.com/inith/inith/internal/document"

// The rules of files, secrets, certificates and environment variables. Users see their names.
const (
	ruleMissing    = "missing"
	ruleNotRegular = "not-regular"
	ruleUnreadable = "unreadable"
	ruleEmpty      = "empty"
	ruleSize       = "size"
	ruleTooLarge   = "too-large"
	ruleTooMany    = "too-many"
	ruleMode       = "mode"
	ruleReader     = "unreadable-as"
	ruleDigest     = "sha256"

	ruleNewline     = "trailing-newline"
	ruleNoNewline   = "missing-newline"
	ruleSpace       = "surrounding-space"
	ruleQuotes      = "quotes"
	ruleBOM         = "byte-order-mark"
	ruleNUL         = "nul-byte"
	ruleBase64      = "base64"
	rulePlaceholder = "placeholder"
	ruleUnresolved  = "unresolved-reference"
	ruleLength      = "min-length"

	ruleNoKeys    = "no-keys"
	ruleScalar    = "scalar-document"
	rulePEM       = "pem"
	ruleEncrypted = "encrypted-key"
	ruleOrder     = "chain-order"
	ruleLink      = "chain-link"
	ruleChain     = "chain-trust"
	ruleKeyMatch  = "key-match"
	ruleKeySize   = "key-size"
	ruleExpired   = "expired"
	ruleNotYet    = "not-yet-valid"
	ruleExpires   = "expires-soon"
	ruleNames     = "names"
	ruleNoCA      = "no-authority"
	ruleNoKey     = "no-key"
	ruleNoCert    = "no-certificate"

	ruleUnset    = "unset"
	ruleBoth     = "set-twice"
	ruleType     = "env-type"
	ruleRange    = "env-range"
	ruleChoice   = "env-one-of"
	ruleURL      = "url"
	ruleScheme   = "url-scheme"
	ruleDSN      = "dsn"
	ruleHost     = "host"
	rulePathGone = "path"
)

// A KnownRule is a rule that a [Problem] may name.
type KnownRule struct{ Name, Means string }

// KnownRules returns all rules. docs/validate.md has the same table.
func KnownRules() []KnownRule {
	all := ownRules()
	for _, r := range document.Rules() {
		all = append(all, KnownRule(r))
	}
	return all
}

// ownRules returns the rules of files and their keys, of secrets, certificates and environment variables.
// [document.Rules] returns those of the formats.
func ownRules() []KnownRule {
	return []KnownRule{
		{Name: ruleMissing, Means: "a file is missing, or is a dangling symbolic link"},
		{Name: ruleNotRegular, Means: "the path is a directory, device, pipe or socket, not a file"},
		{Name: ruleUnreadable, Means: "inith cannot read a file"},
		{Name: ruleEmpty, Means: "a file, a directory or an environment variable is empty"},
		{Name: ruleSize, Means: "a file is smaller than `minSize` or larger than `maxSize`"},
		{Name: ruleTooMany, Means: "a file has more than 500 problems; the others are not reported"},
		{Name: ruleMode, Means: "the mode of a file has a bit that `modeMax` lacks"},
		{Name: ruleReader, Means: "the application (`readableBy`) cannot read a file, or cannot search a directory in its path"},
		{Name: ruleDigest, Means: "the digest of a file is not `sha256`"},

		{Name: "required-key", Means: "a key of `require` is missing"},
		{Name: "null-value", Means: "a key of `require` is null"},
		{Name: "empty-value", Means: "a key of `require` is an empty string, list or mapping"},
		{Name: rulePlaceholder, Means: "a required key, a secret or an environment variable has a placeholder such as changeme"},
		{Name: ruleUnresolved, Means: "a required key, a secret or an environment variable is encrypted, or has a reference that was not resolved: `{{ }}`, `${NAME}`, `$(NAME)`, a secret store"},
		{Name: "forbidden-key", Means: "a key of `forbid` is present"},
		{Name: "one-of", Means: "none or more than one of the keys of `oneOf` is present"},
		{Name: "wrong-type", Means: "a key does not have its type in `types`"},
		{Name: "schema", Means: "a value does not match the JSON Schema"},
		{Name: "assertion", Means: "an assertion does not hold"},

		{Name: ruleNoKeys, Means: "the rules are about keys of a file whose format is unknown, or has no keys"},
		{Name: ruleScalar, Means: "a YAML file is a single string, or an HTTP error, not configuration: an HTML page, a Git LFS pointer"},

		{Name: ruleNewline, Means: "a secret of one line ends with a newline"},
		{Name: ruleNoNewline, Means: "an OpenSSH private key does not end with a newline"},
		{Name: ruleSpace, Means: "a secret or an environment variable begins or ends with white space"},
		{Name: ruleQuotes, Means: "a secret or an environment variable is in quotes, which become part of it"},
		{Name: ruleBase64, Means: "a secret is still encoded as base64 (it was encoded twice)"},
		{Name: ruleLength, Means: "a secret or an environment variable is shorter than `minLength`"},

		{Name: rulePEM, Means: "a file has no PEM block, a damaged one, or one whose content does not match its type"},
		{Name: ruleEncrypted, Means: "a private key is encrypted: the application must know the passphrase"},
		{Name: ruleNoCert, Means: "a file has no certificate"},
		{Name: ruleNoKey, Means: "a file has no private key"},
		{Name: ruleNoCA, Means: "a CA file has no certificate, or no CA certificate"},
		{Name: ruleOrder, Means: "the server certificate is not the first, or its chain is in the wrong order"},
		{Name: ruleLink, Means: "a certificate is not signed by the one that follows it"},
		{Name: ruleChain, Means: "the certificate does not chain to a CA in `ca`"},
		{Name: ruleKeyMatch, Means: "the private key does not match the certificate"},
		{Name: ruleKeySize, Means: "an RSA key is shorter than 2048 bits, or `minKeySize`"},
		{Name: ruleExpired, Means: "a certificate has expired"},
		{Name: ruleNotYet, Means: "a certificate is not valid yet"},
		{Name: ruleExpires, Means: "a certificate expires within `minValidity`"},
		{Name: ruleNames, Means: "a certificate does not cover one of `names`"},

		{Name: ruleUnset, Means: "an environment variable is not set"},
		{Name: ruleBoth, Means: "NAME and NAME_FILE are both set"},
		{Name: ruleType, Means: "an environment variable does not have its `type`"},
		{Name: ruleRange, Means: "an environment variable is less than `min` or more than `max`"},
		{Name: ruleChoice, Means: "an environment variable is none of `oneOf`"},
		{Name: ruleURL, Means: "an environment variable is not a URL with a host"},
		{Name: ruleScheme, Means: "the scheme of a URL is none of `url`"},
		{Name: ruleDSN, Means: "an environment variable is not a connection string of the kind in `dsn`"},
		{Name: ruleHost, Means: "the host of a URL, a connection string or an address is one of `hostNot`"},
		{Name: rulePathGone, Means: "the path in an environment variable does not exist, or is not what `path` says"},
	}
}
