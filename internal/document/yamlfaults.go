package document

// A yamlFault is what to say of a syntax error.
type yamlFault struct{ message, hint string }

// yamlFaults says in our words what the parser says in its own, which may quote
// the file.
func yamlFaults() map[string]yamlFault {
	return map[string]yamlFault{
		"mapping values are not allowed in this context":                    {"a \": \" where no key can be", "check the indentation of this line, or quote the value if it holds \": \""},
		"mapping keys are not allowed in this context":                      {"a key where none can be", "check the indentation"},
		"block sequence entries are not allowed in this context":            {"a list entry where none can be", "begin the list on a line of its own"},
		"could not find expected ':'":                                       {"a key without a \":\"", "write key: value"},
		"did not find expected key":                                         {"the line does not fit those above it", "check the indentation and the quotes"},
		"did not find expected '-' indicator":                               {"the line is no entry of the list above it", "check the indentation"},
		"did not find expected ',' or ']'":                                  {"a list in [ ] goes on without a comma, or does not end", ""},
		"did not find expected ',' or '}'":                                  {"a mapping in { } goes on without a comma, or does not end", ""},
		"did not find expected <document start>":                            {"text behind the end of the document", "check the indentation, or begin another document with ---"},
		"did not find expected node content":                                {"a value is missing", ""},
		"found unexpected end of stream":                                    {"the file ends inside quotes", "close the quotes"},
		"found unexpected document indicator":                               {"the document ends inside quotes", "close the quotes"},
		"found unknown escape character":                                    {"an unknown escape in double quotes", "write \\\\ for a backslash, or use single quotes"},
		"found character that cannot start any token":                       {"a value begins with a character that is reserved, such as @, ` or %", "quote the value"},
		"found a tab character where an indentation space is expected":      {"a tab in the indentation", "indent with spaces"},
		"found a tab character that violates indentation":                   {"a tab in the indentation", "indent with spaces"},
		"did not find expected alphabetic or numeric character":             {"an anchor or alias without a name", "quote a value that begins with & or *"},
		"found incompatible YAML document":                                  {"the file says that it is of another version of YAML", ""},
		"found undefined tag handle":                                        {"a tag that was not declared", "quote a value that begins with !"},
		"did not find URI escape sequence":                                  {"not a tag", "quote a value that begins with !"},
		"found a comment without preceding whitespace":                      {"a comment needs a space before its #", ""},
		"did not find expected comment or line break":                       {"text where the line should end", ""},
		"did not find expected whitespace or line break":                    {"text where a space or the end of the line should be", ""},
		"found extra directive":                                             {"a directive is there twice", ""},
		"found duplicate %YAML directive":                                   {"a directive is there twice", ""},
		"found duplicate %TAG directive":                                    {"a directive is there twice", ""},
		"did not find expected hexadecimal number":                          {"not an escape of hexadecimal digits", ""},
		"found invalid Unicode character escape code":                       {"an escape of no character", ""},
		"found an indentation indicator equal to 0":                         {"a block has an indentation of 0", ""},
		"found more indented spaces in leading blank lines than in content": {"a blank line that is indented deeper than its text", ""},
	}
}
