package mask

import (
	"regexp"
	"strings"

	"github.com/inith/inith/internal/lazyregexp"
)

// A detector finds one kind of secret in text.
type detector struct {
	maybe func(s string) bool // cheap; false if there is certainly none
	mask  func(p *Pass, s string) string
}

func detectors() []detector {
	return []detector{
		{holds("-----BEGIN"), whole("pem", pem)},
		{holds("eyJ"), whole("jwt", jwt)},
		{holds("://", "@"), group("password", userInfo)},
		{holds(":", `"`), func(p *Pass, s string) string { return p.fieldsInText(s) }},
		{holds("="), func(p *Pass, s string) string { return p.pairsInText(s) }},
		{func(s string) bool { return len(s) >= minKey }, func(p *Pass, s string) string { return p.keys(s) }},
		{holdsBearer, group("api-key", bearer)},
		{holds("@"), whole("email", email)},
		{hasDigits, func(p *Pass, s string) string { return p.cards(s) }},
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

func holds(parts ...string) func(string) bool {
	return func(s string) bool {
		for _, part := range parts {
			if !strings.Contains(s, part) {
				return false
			}
		}
		return true
	}
}

// holdsBearer reports whether a string holds "bearer", in any case.
func holdsBearer(s string) bool {
	const word = "bearer"
	for i := range len(s) - len(word) + 1 {
		if s[i]|0x20 == word[0] && strings.EqualFold(s[i:i+len(word)], word) {
			return true
		}
	}
	return false
}

// minKey is the length of the shortest API key, of Slack.
const minKey = 15

// isKeyByte reports whether API keys, as the pattern has them, may hold a byte.
func isKeyByte(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || isDigit(c) || c == '-' || c == '_' || c == '.'
}

// keys masks API keys. It shows the pattern, which is slow, only words that are long enough: text has few of them.
func (p *Pass) keys(s string) string {
	var b strings.Builder
	last := 0
	for begin := 0; begin < len(s); {
		end := begin
		for end < len(s) && isKeyByte(s[end]) {
			end++
		}
		if end-begin >= minKey {
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
