package render

import "slices"

// A Function is available in templates. Names and argument orders are those of sprig and Helm where those have the
// function.
type Function struct {
	Name string
	Args string // as usage tells them
	Does string

	// bind returns the function for an execution. Nil stands for a built-in function of text/template.
	bind func(e *execution) any
}

// Functions returns all functions. docs/render.md has the same table. No function accesses the network or runs a
// program. Only secret, and env with NAME_FILE, read files.
func Functions() []Function {
	return slices.Concat(conditions(), formats(), collections())
}

// conditions look values up, and choose between them.
func conditions() []Function {
	return []Function{
		{"env", "NAME", "the value of an environment variable; if it is unset or empty, the content of the file that NAME_FILE names", func(e *execution) any { return e.env }},
		{"secret", "PATH", "the content of a file, without the final newline", always(secret)},

		{"default", "FALLBACK VALUE", "VALUE; FALLBACK if it is missing or empty", always(fallback)},
		{"required", `"MESSAGE" VALUE`, "VALUE; an error with this message if it is missing or empty", always(required)},
		{"coalesce", "VALUE...", "the first value that is neither missing nor empty", always(coalesce)},
		{"empty", "VALUE", "true if it is missing, empty, zero or false", always(empty)},
		{"ternary", "YES NO CONDITION", "YES if CONDITION is true, else NO", always(ternary)},
		{"fail", `"MESSAGE"`, "an error with this message", always(fail)},
		{"and", "VALUE...", "the first empty value, else the last value", nil},
		{"or", "VALUE...", "the first value that is not empty, else the last value", nil},
		{"not", "VALUE", "true if it is empty", nil},
		{"eq", "A B...", "true if A equals one of the others", nil},
		{"ne", "A B", "true if they differ", nil},
		{"lt", "A B", "true if A is less", nil},
		{"le", "A B", "true if A is less or equal", nil},
		{"gt", "A B", "true if A is greater", nil},
		{"ge", "A B", "true if A is greater or equal", nil},
	}
}

// formats make strings and numbers of values.
func formats() []Function {
	return []Function{
		{"quote", "VALUE...", "in double quotes, for JSON, YAML and TOML", always(quote)},
		{"squote", "VALUE...", "in single quotes, for YAML", always(squote)},
		{"toJson", "VALUE", "as JSON on one line", always(jsonString)},
		{"toPrettyJson", "VALUE", "as indented JSON", always(toPrettyJSON)},
		{"toYaml", "VALUE", "as YAML, without the final newline", always(yamlString)},
		{"toKubeEnv", "MAPPING", "NAME='value' lines, as the fileKeyRef of Kubernetes reads them", always(toKubeEnv)},
		{"fromJson", "TEXT", "the value that the JSON text has", always(fromJSON)},
		{"fromYaml", "TEXT", "the value that the YAML text has", always(fromYAML)},
		{"toString", "VALUE", "as a string", always(stringOf)},
		{"int", "VALUE", "as an integer", always(asInteger)},
		{"float64", "VALUE", "as a number", always(toFloat)},
		{"bool", "VALUE", "as a boolean: true, yes, on, y and 1; false, no, off, n and 0", always(toBool)},

		{"indent", "N TEXT", "each line indented by N spaces", always(indent)},
		{"nindent", "N TEXT", "the same, after a newline", always(nindent)},
		{"trim", "TEXT", "without surrounding white space", always(trim)},
		{"trimPrefix", "PREFIX TEXT", "without this prefix", always(trimPrefix)},
		{"trimSuffix", "SUFFIX TEXT", "without this suffix", always(trimSuffix)},
		{"trunc", "N TEXT", "the first N characters; the last ones if N is negative", always(trunc)},
		{"upper", "TEXT", "in upper case", always(upper)},
		{"lower", "TEXT", "in lower case", always(lower)},
		{"replace", "OLD NEW TEXT", "with each OLD replaced", always(replace)},
		{"contains", "PART TEXT", "true if it contains PART", always(contains)},
		{"hasPrefix", "PREFIX TEXT", "true if it has this prefix", always(hasPrefix)},
		{"hasSuffix", "SUFFIX TEXT", "true if it has this suffix", always(hasSuffix)},
		{"print", "VALUE...", "as strings, concatenated", always(printed)},
		{"printf", "FORMAT VALUE...", "as Go's Printf", always(formatted)},
		{"b64enc", "TEXT", "in base64", always(b64enc)},
		{"b64dec", "TEXT", "decoded from base64", always(b64dec)},
		{"urlquery", "TEXT", "percent-encoded, for any part of a URL", always(urlquery)},
		{"sha256sum", "TEXT", "its SHA-256 digest in hexadecimal", always(sha256sum)},
	}
}

// collections are about lists, mappings, numbers and templates.
func collections() []Function {
	return []Function{
		{"list", "VALUE...", "a list", always(list)},
		{"dict", "KEY VALUE...", "a mapping", always(dict)},
		{"split", "SEPARATOR TEXT", "the list of its parts", always(split)},
		{"splitList", "SEPARATOR TEXT", "the same", always(split)},
		{"join", "SEPARATOR LIST", "its items as one string", always(join)},
		{"index", "VALUE KEY...", "the value under nested keys: a.b[0] is index .Values \"a\" \"b\" 0", always(index)},
		{"hasKey", "MAPPING KEY", "true if the key exists", always(hasKey)},
		{"keys", "MAPPING", "its keys, sorted", always(keys)},
		{"has", "VALUE LIST", "true if it is an item", always(has)},
		{"first", "LIST", "its first item", always(first)},
		{"last", "LIST", "its last item", always(last)},
		{"sortAlpha", "LIST", "its items as strings, sorted", always(sortAlpha)},
		{"uniq", "LIST", "without duplicates", always(uniq)},
		{"append", "LIST VALUE", "the list with one more item", always(appended)},
		{"concat", "LIST...", "one list of the items of all", always(concat)},
		{"until", "N", "the list 0, 1, … N-1", always(until)},
		{"merge", "MAPPING...", "one mapping, merged key by key; the first one that has a key counts", always(merged)},
		{"dig", "KEY... FALLBACK MAPPING", "the value under nested keys; FALLBACK if one is missing", always(dig)},
		{"kindIs", "KIND VALUE", "true if the value is a string, bool, int, float64, slice, map, or invalid (missing)", always(kindIs)},
		{"len", "VALUE", "the number of items, or of bytes of a string", nil},

		{"add", "NUMBER...", "the sum of integers", always(add)},
		{"sub", "A B", "A minus B", always(sub)},
		{"mul", "NUMBER...", "the product", always(mul)},
		{"div", "A B", "A divided by B, without the remainder", always(div)},
		{"max", "NUMBER...", "the largest", always(largest)},
		{"min", "NUMBER...", "the smallest", always(smallest)},

		{"semverCompare", "CONSTRAINT VERSION", "true if the version satisfies the constraint, such as >=1.2 <2, ^1.2 or ~1.2.3", always(semverCompare)},

		{"tpl", "TEXT VALUE", "the output of the text as a template, for this value", func(e *execution) any { return e.tpl }},
		{"include", `"NAME" VALUE`, "the output of the named template for this value", func(e *execution) any { return e.include }},
	}
}

// always returns a function that does not depend on the execution.
func always(function any) func(*execution) any {
	return func(*execution) any { return function }
}
