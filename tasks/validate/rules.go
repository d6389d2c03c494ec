package validate

import "github.com/inith/inith/internal/document"

// The rules of files, secrets, certificates and variables. Their names are what
// users see.
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
	ruleSpace       = "surrounding-space"
	ruleQuotes      = "quotes"
	ruleBOM         = "byte-order-mark"
	ruleNUL         = "nul-byte"
	ruleBase64      = "base64"
	rulePlaceholder = "placeholder"
	ruleLength      = "min-length"

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

// A KnownRule is one that a [Problem] may name.
type KnownRule struct{ Name, Means string }

// KnownRules returns all of them: docs/validate.md has the same table.
func KnownRules() []KnownRule {
	all := ownRules()
	for _, r := range document.Rules() {
		all = append(all, KnownRule(r))
	}
	return all
}

// ownRules are the rules of files, of their keys, of secrets, certificates and
// variables. Those of the formats are [document.Rules].
func ownRules() []KnownRule {
	return []KnownRule{
		{Name: ruleMissing, Means: "a file is not there, or a symbolic link leads nowhere"},
		{Name: ruleNotRegular, Means: "a folder, device, pipe or socket is where a file should be"},
		{Name: ruleUnreadable, Means: "inith itself cannot read a file"},
		{Name: ruleEmpty, Means: "a file, a folder or a variable has nothing in it"},
		{Name: ruleSize, Means: "a file is smaller than `minSize` or larger than `maxSize`"},
		{Name: ruleTooMany, Means: "a file has more than 500 problems: only so many are told"},
		{Name: ruleMode, Means: "the mode of a file has a bit that `modeMax` has not"},
		{Name: ruleReader, Means: "the application (`as`) cannot read a file, or search a folder on the way to it"},
		{Name: ruleDigest, Means: "a file has another digest than `sha256`"},

		{Name: "required-key", Means: "a key of `require` is not there"},
		{Name: "null-value", Means: "a key of `require` is null"},
		{Name: "empty-value", Means: "a key of `require` is an empty text, list or mapping"},
		{Name: rulePlaceholder, Means: "a required key, a secret or a variable is what stands for a value that nobody has set, such as changeme"},
		{Name: "forbidden-key", Means: "a key of `forbid` is there"},
		{Name: "one-of", Means: "none of the keys of `oneOf` is there, or more than one"},
		{Name: "wrong-type", Means: "a key is not of the type that `types` says"},
		{Name: "schema", Means: "a value does not match the JSON Schema"},
		{Name: "assertion", Means: "an assertion does not hold"},

		{Name: ruleNewline, Means: "a secret ends with a newline"},
		{Name: ruleSpace, Means: "a secret or a variable begins or ends with white space"},
		{Name: ruleQuotes, Means: "a secret or a variable is in quotes, which become part of it"},
		{Name: ruleBase64, Means: "a secret is still encoded as base64: encoded once too often"},
		{Name: ruleLength, Means: "a secret or a variable is shorter than `minLength`"},

		{Name: rulePEM, Means: "a file has no PEM block, a damaged one, or one that is not what it says"},
		{Name: ruleEncrypted, Means: "a private key is encrypted: the application must know the passphrase"},
		{Name: ruleNoCert, Means: "a file has no certificate"},
		{Name: ruleNoKey, Means: "a file has no private key"},
		{Name: ruleNoCA, Means: "a file of authorities has no certificate, or none of an authority"},
		{Name: ruleOrder, Means: "the certificate of the server is not the first one, or those of its chain stand in another order"},
		{Name: ruleLink, Means: "a certificate is not signed by the one that follows it"},
		{Name: ruleChain, Means: "no authority in `ca` vouches for the certificate"},
		{Name: ruleKeyMatch, Means: "the private key is not that of the certificate"},
		{Name: ruleKeySize, Means: "an RSA key is shorter than 2048 bits, or `minKeySize`"},
		{Name: ruleExpired, Means: "a certificate has expired"},
		{Name: ruleNotYet, Means: "a certificate is not valid yet"},
		{Name: ruleExpires, Means: "a certificate expires within `minValidity`"},
		{Name: ruleNames, Means: "a certificate does not cover one of `names`"},

		{Name: ruleUnset, Means: "a variable is not set"},
		{Name: ruleBoth, Means: "NAME and NAME_FILE are both set"},
		{Name: ruleType, Means: "a variable is not of its `type`"},
		{Name: ruleRange, Means: "a variable is less than `min` or more than `max`"},
		{Name: ruleChoice, Means: "a variable is none of `oneOf`"},
		{Name: ruleURL, Means: "a variable is no URL with a host"},
		{Name: ruleScheme, Means: "the scheme of a URL is none of `url`"},
		{Name: ruleDSN, Means: "a variable is not a connection string as `dsn` says"},
		{Name: ruleHost, Means: "the host of a URL, a connection string or an address is one of `hostNot`"},
		{Name: rulePathGone, Means: "what a variable names is not there, or is not what `path` says"},
	}
}
