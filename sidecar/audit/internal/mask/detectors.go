package mask

import (
	"regexp"
	"strings"

	"github.com/inith/inith/internal/lazyregexp"
)

// A detector finds one kind of secret in text.
type detector struct {
	wants trait               // what such a text has in any case
	maybe func(s string) bool // cheap; false if there is certainly none; nil: as wants says
	mask  func(p *Pass, s string) string
}

func detectors() []detector {
	return []detector{
		{hasDash, holds("-----BEGIN"), whole("pem", pem)},
		{hasLong, holds("eyJ"), whole("jwt", jwt)},
		{hasColon | hasAt, holds("://"), group("password", userInfo)},
		{hasColon | hasQuote, nil, func(p *Pass, s string) string { return p.fieldsInText(s) }},
		{hasEquals, nil, func(p *Pass, s string) string { return p.pairsInText(s) }},
		{hasLong, nil, func(p *Pass, s string) string { return p.keys(s) }},
		{hasB, holdsBearer, group("api-key", bearer)},
		{hasAt, nil, whole("email", email)},
		{hasDigits, nil, func(p *Pass, s string) string { return p.cards(s) }},
	}
}

// The shapes of secrets. What is masked is the last group, or all.
var (
	pem      = lazyregexp.New(`-----BEGIN [A-Z0-9 ]+-----(?s:.*?)(?:-----END [A-Z0-9 ]+-----|\z)`)
	jwt      = lazyregexp.New(`eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{4,}(?:\.[A-Za-z0-9_-]*)*`)
	userInfo = lazyregexp.New(`://[^/\s:@"']*:([^/\s@"']+)@`)
	bearer   = lazyregexp.New(`(?i)\bbearer\s+([A-Za-z0-9+/_.=~-]{16,})`)
	email    = lazyregexp.New(`[\pL\pN._%+-]+@[\pL\pN-]+(?:\.[\pL\pN-]+)+`)
	apiKey   = lazyregexp.New(`(?:^|[^A-Za-z0-9])(` + strings.Join([]string{
		`sk-[A-Za-z0-9_-]{16,}`,           // OpenAI, Anthropic, OpenRouter, LiteLLM
		`(?:AKIA|ASIA)[0-9A-Z]{16}`,       // AWS
		`gh[pousr]_[A-Za-z0-9]{20,}`,      // GitHub
		`github_pat_[A-Za-z0-9_]{20,}`,    //
		`gl[a-z]{2,4}-[A-Za-z0-9_-]{16,}`, // GitLab
		`xox[a-z]-[A-Za-z0-9-]{10,}`,      // Slack
		`AIza[0-9A-Za-z_-]{30,}`,          // Google
		`ya29\.[0-9A-Za-z_-]{16,}`,        //
		`hf_[A-Za-z0-9]{20,}`,             // Hugging Face
		`(?:npm|gsk|r8|pplx|nvapi|dop_v1|lsv2_pt|pat)[_-][A-Za-z0-9_-]{24,}`, // npm, Groq, Replicate, Perplexity, NVIDIA, ...
		`(?:sk|rk|pk)_(?:live|test)_[A-Za-z0-9]{10,}`,                        // Stripe
		`SG\.[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{16,}`,                         // SendGrid
		`hvs\.[A-Za-z0-9_-]{20,}`,                                            // Vault
	}, "|") + `)`)
	// A field of JSON in text, also one that is cut or escaped once more.
	fieldInText = lazyregexp.New(`\\?"([A-Za-z0-9_.-]{2,64})\\?"\s*:\s*\\?"((?:[^"\\]|\\[^"])*)`)
	pairInText  = lazyregexp.New(`(?:^|[?&;,\s])([A-Za-z0-9_.-]{2,64})=([^&;,\s"']+)`)
)

func holds(part string) func(string) bool {
	return func(s string) bool { return strings.Contains(s, part) }
}

// holdsBearer reports whether a string holds "bearer", in any case.
func holdsBearer(s string) bool {
	const word = "bearer"
	for _, first := range []byte{'b', 'B'} {
		for rest := s; ; {
			i := strings.IndexByte(rest, first)
			if i < 0 || len(rest)-i < len(word) {
				break
			}
			if strings.EqualFold(rest[i:i+len(word)], word) {
				return true
			}
			rest = rest[i+1:]
		}
	}
	return false
}

// keys masks API keys. It shows the pattern, which is slow, only words that are long enough and have the beginning of a key
// in them: text has few of them.
func (p *Pass) keys(s string) string {
	var b strings.Builder
	last := 0
	for begin := 0; begin < len(s); {
		end := begin
		for end < len(s) && p.m.traits[s[end]]&keyByte != 0 {
			end++
		}
		if end-begin >= minKey && holdsKey(s[begin:end]) {
			b.WriteString(s[last:begin])
			b.WriteString(replaceGroup(apiKey(), s[begin:end], 1, func([]string) string { return p.mark("api-key") }))
			last = end
		}
		begin = end + 1
	}
	if last == 0 {
		return s
	}
	return b.String() + s[last:]
}

// holdsKey reports whether a word has the beginning of an API key, as the pattern has them: at its own beginning, or after
// what is neither a letter nor a digit.
func holdsKey(word string) bool {
	for i := range len(word) {
		if i > 0 && strings.IndexByte("-_.", word[i-1]) < 0 {
			continue
		}
		for _, begin := range [...]string{
			"sk-", "sk_", "rk_", "pk_", "AKIA", "ASIA", "gh", "gl", "xox", "AIza", "ya29", "hf_", "npm", "gsk", "r8", "pplx", "nvapi", "dop_v1", "lsv2_pt", "pat",
			"SG.", "hvs.",
		} {
			if strings.HasPrefix(word[i:], begin) {
				return true
			}
		}
	}
	return false
}

// whole masks what a pattern matches.
func whole(reason string, pattern func() *regexp.Regexp) func(*Pass, string) string {
	return func(p *Pass, s string) string {
		return pattern().ReplaceAllStringFunc(s, func(string) string { return p.mark(reason) })
	}
}

// group masks the first group of a pattern.
func group(reason string, pattern func() *regexp.Regexp) func(*Pass, string) string {
	return func(p *Pass, s string) string {
		return replaceGroup(pattern(), s, 1, func([]string) string { return p.mark(reason) })
	}
}

// replaceGroup replaces a group in each match by what is returned for all of its groups.
func replaceGroup(re *regexp.Regexp, s string, n int, by func(groups []string) string) string {
	all := re.FindAllStringSubmatchIndex(s, -1)
	if all == nil {
		return s
	}
	var b strings.Builder
	last := 0
	for _, at := range all {
		groups := make([]string, len(at)/2)
		for i := range groups {
			if at[2*i] >= 0 {
				groups[i] = s[at[2*i]:at[2*i+1]]
			}
		}
		b.WriteString(s[last:at[2*n]])
		b.WriteString(by(groups))
		last = at[2*n+1]
	}
	return b.String() + s[last:]
}

// fieldsInText masks secret fields of JSON that stands in text.
func (p *Pass) fieldsInText(s string) string {
	return replaceGroup(fieldInText(), s, 2, p.maskNamed)
}

// pairsInText masks secret values of name=value, as in the query of a URL.
func (p *Pass) pairsInText(s string) string {
	return replaceGroup(pairInText(), s, 2, p.maskNamed)
}

// maskNamed returns a value, or a mark if the name before it is that of a secret.
func (p *Pass) maskNamed(groups []string) string {
	name, value := groups[1], groups[2]
	if value == "" || strings.HasPrefix(value, "[REDACTED:") || !p.m.isSecret(name) {
		return value
	}
	return p.mark("field")
}
