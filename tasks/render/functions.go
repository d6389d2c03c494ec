package render

// A Function is what a template may call. Names and orders of arguments are those
// of sprig and Helm where these have the function.
type Function struct {
	Name string
	Args string // as usage tells them
	Does string

	// bind returns the function for one execution; nil means that it is
	// text/template's own.
	bind func(e *execution) any
}

// Functions returns all of them: docs/render.md has the same table. None reaches
// the network, starts a program, or reads a file but for secret, and NAME_FILE of
// env.
func Functions() []Function {
	return []Function{
		{"env", "NAME", "the value of a variable; what is in the file that NAME_FILE names, if it is not set or empty", func(e *execution) any { return e.env }},
		{"secret", "PATH", "what is in a file, without the line end", always(secret)},

		{"default", "FALLBACK VALUE", "VALUE; FALLBACK if it is missing or empty", always(fallback)},
		{"required", `"MESSAGE" VALUE`, "VALUE; an error with this message if it is missing or empty", always(required)},
		{"coalesce", "VALUE...", "the first that is not missing or empty", always(coalesce)},
		{"empty", "VALUE", "whether it is missing, empty, zero or false", always(empty)},
		{"ternary", "YES NO CONDITION", "YES if CONDITION is true, else NO", always(ternary)},
		{"fail", `"MESSAGE"`, "an error with this message", always(fail)},
		{"and", "VALUE...", "the first that is empty, else the last", nil},
		{"or", "VALUE...", "the first that is not empty, else the last", nil},
		{"not", "VALUE", "whether it is empty", nil},
		{"eq", "A B...", "whether A equals one of the others", nil},
		{"ne", "A B", "whether they differ", nil},
		{"lt", "A B", "whether A is less", nil},
		{"le", "A B", "whether A is less or equal", nil},
		{"gt", "A B", "whether A is greater", nil},
		{"ge", "A B", "whether A is greater or equal", nil},

		{"quote", "VALUE...", "in double quotes, as JSON, YAML and TOML read them", always(quote)},
		{"squote", "VALUE...", "in single quotes, as YAML reads them", always(squote)},
		{"toJson", "VALUE", "as JSON, in one line", always(toJSONText)},
		{"toPrettyJson", "VALUE", "as JSON, in lines", always(toPrettyJSON)},
		{"toYaml", "VALUE", "as YAML, without the last line end", always(toYAMLText)},
		{"fromJson", "TEXT", "the value of JSON", always(fromJSON)},
		{"fromYaml", "TEXT", "the value of YAML", always(fromYAML)},
		{"toString", "VALUE", "as a text", always(textOf)},
		{"int", "VALUE", "as a whole number", always(toInt)},
		{"float64", "VALUE", "as a number", always(toFloat)},
		{"bool", "VALUE", "true or false, of the words that YAML 1.1 has for them, 1 and 0", always(toBool)},

		{"indent", "N TEXT", "each line behind N spaces", always(indent)},
		{"nindent", "N TEXT", "the same, after a line end", always(nindent)},
		{"trim", "TEXT", "without white space around", always(trim)},
		{"trimPrefix", "PREFIX TEXT", "without this beginning", always(trimPrefix)},
		{"trimSuffix", "SUFFIX TEXT", "without this end", always(trimSuffix)},
		{"upper", "TEXT", "in capital letters", always(upper)},
		{"lower", "TEXT", "in small letters", always(lower)},
		{"replace", "OLD NEW TEXT", "with each OLD replaced", always(replace)},
		{"contains", "PART TEXT", "whether PART is in it", always(contains)},
		{"hasPrefix", "PREFIX TEXT", "whether it begins so", always(hasPrefix)},
		{"hasSuffix", "SUFFIX TEXT", "whether it ends so", always(hasSuffix)},
		{"print", "VALUE...", "as texts, one behind the other", always(printed)},
		{"printf", "FORMAT VALUE...", "as Go's Printf", always(formatted)},
		{"b64enc", "TEXT", "in base64", always(b64enc)},
		{"b64dec", "TEXT", "of base64", always(b64dec)},
		{"urlquery", "TEXT", "percent-encoded, for any part of a URL", always(urlquery)},
		{"sha256sum", "TEXT", "its digest, in hexadecimal", always(sha256sum)},

		{"list", "VALUE...", "a list", always(list)},
		{"dict", "KEY VALUE...", "a mapping", always(dict)},
		{"split", "SEPARATOR TEXT", "the list of its parts", always(split)},
		{"splitList", "SEPARATOR TEXT", "the same", always(split)},
		{"join", "SEPARATOR LIST", "a text of its items", always(join)},
		{"index", "VALUE KEY...", "what is under the keys, one below the other: a.b[0] is index .Values \"a\" \"b\" 0", always(index)},
		{"hasKey", "MAPPING KEY", "whether the key is there", always(hasKey)},
		{"keys", "MAPPING", "its keys, sorted", always(keys)},
		{"has", "VALUE LIST", "whether it is an item", always(has)},
		{"first", "LIST", "its first item", always(first)},
		{"last", "LIST", "its last item", always(last)},
		{"sortAlpha", "LIST", "its items as texts, sorted", always(sortAlpha)},
		{"uniq", "LIST", "without items that were there before", always(uniq)},
		{"len", "VALUE", "the number of items, or of bytes of a text", nil},

		{"add", "NUMBER...", "the sum of whole numbers", always(add)},
		{"sub", "A B", "A less B", always(sub)},
		{"mul", "NUMBER...", "the product", always(mul)},
		{"div", "A B", "A divided by B, without the rest", always(div)},
		{"max", "NUMBER...", "the largest", always(largest)},
		{"min", "NUMBER...", "the smallest", always(smallest)},

		{"include", `"NAME" VALUE`, "what the template of this name makes of the value", func(e *execution) any { return e.include }},
	}
}

// always is a function that needs nothing of an execution.
func always(function any) func(*execution) any {
	return func(*execution) any { return function }
}
