package validate

import "testing"

func TestIsPlaceholder(t *testing.T) {
	t.Parallel()
	for value, want := range map[string]bool{
		"changeme": true, "ChangeMe": true, " change-me\n": true, "CHANGE_ME": true, `"changeme"`: true, "todo": true, "TBD": true,
		"xxx": true, "XXXXXXXX": true, "***": true, "sk-xxxxxxxxxxxx": true, "<token>": true, "<YOUR API KEY>": true, "your-api-key": true,
		"YOUR_API_KEY_HERE": true, "example": true, "null": true, "undefined": true, "AKIAIOSFODNN7EXAMPLE": true,
		"wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY": true, "placeholder": true, "[object Object]": true,
		"": false, "xx": false, "exchange": false, "changemeplease": false, "<a><b>": false, "example.com": false, "AKIA1234567890ABCDEF": false,
		"none": false, "todo-service": false, "yours": false, "hunter22": false,
	} {
		if got := isPlaceholder(value); got != want {
			t.Errorf("isPlaceholder(%q) = %t", value, got)
		}
	}
}
