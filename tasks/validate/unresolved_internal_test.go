package validate

import "testing"

func TestUnresolved(t *testing.T) {
	t.Parallel()
	for value, want := range map[string]string{
		"{{ .Values.password }}":                          "a template",
		"{{- tpl .Values.x . -}}":                         "a template",
		"postgres://app:{{ .Values.db.password }}@db/app": "a template",
		"postgres://$(DB_USER):$(DB_PASSWORD)@db/app":     "a reference $(NAME)",
		"$(DB_HOST)":                 "a reference $(NAME)",
		"http://${HOST:-localhost}/": "a variable reference ${NAME}",
		"ENC[AES256_GCM,data:xyz=,iv:abc=,tag:x,type:str]": "encrypted by SOPS",
		"$ANSIBLE_VAULT;1.1;AES256\n6162":                  "encrypted by Ansible Vault",
		"op://vault/item/field":                            "a 1Password reference",
		"ref+vault://secret/app#/password":                 "a vals reference",
		"vault:secret/data/app#PASSWORD":                   "a Vault reference",
		"@Microsoft.KeyVault(SecretUri=https://x)":         "a Key Vault reference",

		"pa$$word":            "",
		"$ecret":              "",
		"a$(b":                "",
		"$()":                 "",
		"${":                  "",
		"a{{b":                "",
		"{{}}":                "",
		"$(1)":                "",
		"x{y}z$(a b)":         "",
		"vault:8200":          "",
		"http://vault:8200/#": "",
		"ENCODED":             "",
	} {
		if got, ok := unresolved(value); got.what != want || ok != (want != "") {
			t.Errorf("%q: got %q, want %q", value, got.what, want)
		}
	}
}
