package validate

import (
	"regexp"
	"strings"
)

// A reference is something that should have been replaced by a value before the application starts.
type reference struct{ what, hint string }

// unresolved returns the reference in a value that nothing has resolved, if there is one. A dollar alone is none: real
// secrets contain it.
func unresolved(value string) (reference, bool) {
	for _, known := range []struct {
		mark, pattern string
		reference     reference
	}{
		{"{{", `\{\{-?\s*[.$A-Za-z_"][^{}]*\}\}`, reference{"a template", "render it first"}},
		{"${", `\$\{[A-Za-z_][A-Za-z0-9_]*(:?[-?+=][^}]*)?\}`, reference{"a variable reference ${NAME}", "substitute it first, with inith render --envsubst"}},
		{"$(", `\$\([A-Za-z_][A-Za-z0-9_]*\)`, reference{
			"a reference $(NAME)", "Kubernetes resolves it only in command, args and env, and only to a variable defined before it",
		}},
		{"ENC[", `^ENC\[AES256_GCM,`, reference{"encrypted by SOPS", "decrypt the file first"}},
		{"$ANSIBLE_VAULT", `^\$ANSIBLE_VAULT;`, reference{"encrypted by Ansible Vault", "decrypt the file first"}},
		{"op://", `^op://[^/]+/`, reference{"a 1Password reference", "resolve it first, with op run or op inject"}},
		{"ref+", `^ref\+[a-z0-9]+://`, reference{"a vals reference", "resolve it first, with vals"}},
		{"vault:", `^(>>)?vault:[^\s#]+#`, reference{"a Vault reference", "check that the Vault webhook or agent has resolved it"}},
		{"@Microsoft.KeyVault", `^@Microsoft\.KeyVault\(`, reference{"a Key Vault reference", "resolve it first"}},
	} {
		if strings.Contains(value, known.mark) && regexp.MustCompile(known.pattern).MatchString(value) {
			return known.reference, true
		}
	}
	return reference{}, false
}
