package validate

import (
	"slices"
	"strings"
)

// isPlaceholder reports whether a value is a placeholder: a word such as changeme, or a credential from a manual.
func isPlaceholder(value string) bool {
	word := strings.ToLower(strings.Trim(strings.TrimSpace(value), `"'`))
	if len(word) > 128 {
		return false
	}
	if strings.HasPrefix(word, "<") && strings.HasSuffix(word, ">") && strings.Count(word, "<") == 1 {
		return true
	}
	if isRequest(word) {
		return true
	}
	bare := strings.NewReplacer("-", "", "_", "", " ", "", ".", "").Replace(word)
	return slices.Contains(placeholders(), bare) || isFiller(bare) ||
		strings.Contains(word, "xxxxxxxx") ||
		slices.Contains(manualCredentials(), word)
}

// isRequest reports whether a word asks for a value, as in replace-with-password or PUT_TOKEN_HERE.
func isRequest(word string) bool {
	word = strings.NewReplacer("_", "-", " ", "-", ".", "-").Replace(word)
	for _, beginning := range []string{
		"change-me", "change-this", "replace-me", "replace-this", "replace-with", "your", "insert-your", "enter-your", "put-your",
		"add-your", "set-your", "paste-your", "use-your", "fill-in",
	} {
		if strings.HasPrefix(word, beginning+"-") {
			return true
		}
	}
	for _, verb := range []string{"put", "insert", "enter", "add", "paste"} {
		rest, ok := strings.CutPrefix(word, verb)
		if ok && strings.HasPrefix(rest, "-") && strings.HasSuffix(rest[1:], "-here") {
			return true
		}
	}
	return false
}

// isFiller reports whether a word has only x or *, as in xxx.
func isFiller(word string) bool {
	return len(word) >= 3 && (strings.Trim(word, "x") == "" || strings.Trim(word, "*") == "")
}

// placeholders are words without separators.
func placeholders() []string {
	return []string{
		"changeme", "changethis", "changeit", "replaceme", "replacethis", "insertme", "inserthere", "fillme", "fillin", "setme",
		"todo", "tbd", "tba", "fixme", "placeholder", "dummy", "example", "yourpassword", "yoursecret", "yourapikey", "yourtoken",
		"null", "nil", "undefined", "nan", "[objectobject]",
	}
}

// manualCredentials are credentials printed in manuals, in lower case.
func manualCredentials() []string {
	return []string{
		"akiaiosfodnn7example", "akiai44qh8dhbexample", "asiaiosfodnn7example",
		"wjalrxutnfemi/k7mdeng/bpxrficyexamplekey",
		"sk_test_4ec39hqlyjwdarjtt1zdp7dc", "pk_test_tyoomqauvdedq54nilti",
		"hunter2", "correcthorsebatterystaple", "correct horse battery staple",
	}
}
