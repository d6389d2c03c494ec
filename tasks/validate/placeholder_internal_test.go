package validate

import "testing"

func TestIsPlaceholder(t *testing.T) {
	t.Parallel()
	for value, want := range map[string]bool{
		"changeme": true, "ChangeMe": true, " change-me\n": true, "CHANGE_ME": true, `"changeme"`: true, "todo": true, "TBD": true,
		"xxx": true, "XXXXXXXX": true, "***": true, "sk-xxxxxxxxxxxx": true, "<token>": true, "<YOUR API KEY>": true, "your-api-key": true,
		"YOUR_API_KEY_HERE": true, "example": true, "null": true, "undefined": true, "AKIAIOSFODNN7EXAMPLE": true,
		"wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY": true, "placeholder": true, "[object Object]": true,
		"REPLACE_WITH_PASSWORD": true, "replace-with-a-real-key": true, "CHANGE_THIS_IN_PRODUCTION": true, "change me please": true,
		"insert-your-token": true, "ENTER_YOUR_KEY": true, "put-token-here": true, "replace-within": false, "put-here": false,
		"": false, "xx": false, "exchange": false, "changemeplease": false, "<a><b>": false, "example.com": false, "AKIA1234567890ABCDEF": false,
		"none": false, "todo-service": false, "yours": false, "hunter22": false,
	} {
		if got := isPlaceholder(value); got != want {
			t.Errorf("isPlaceholder(%q) = %t", value, got)
		}
	}
}
