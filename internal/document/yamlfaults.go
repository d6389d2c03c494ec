package document

// A yamlFault describes a syntax error.
type yamlFault struct{ message, hint string }

// yamlFaults maps the messages of the parser to our own, because the parser's may quote the file.
func yamlFaults() map[string]yamlFault {
	return map[string]yamlFault{
		"mapping values are not allowed in this context":                    {"a \": \" where no key can be", "check the indentation of this line, or quote the value if it holds \": \""},
		"mapping keys are not allowed in this context":                      {"a key where none can be", "check the indentation"},
		"block sequence entries are not allowed in this context":            {"a list entry where none can be", "begin the list on a line of its own"},
		"could not find expected ':'":                                       {"a key without a \":\"", "write key: value"},
		"did not find expected key":                                         {"the line does not match the structure above it", "check the indentation and the quotes"},
		"did not find expected '-' indicator":                               {"the line is not an entry of the list above it", "check the indentation"},
		"did not find expected ',' or ']'":                                  {"a list in [ ] lacks a comma or its closing ]", ""},
		"did not find expected ',' or '}'":                                  {"a mapping in { } lacks a comma or its closing }", ""},
		"did not find expected <document start>":                            {"unexpected content after the end of the document", "check the indentation, or begin another document with ---"},
		"did not find expected node content":                                {"a value is missing", ""},
		"found unexpected end of stream":                                    {"the closing quote is missing at the end of the file", "close the quotes"},
		"found unexpected document indicator":                               {"the closing quote is missing at the end of the document", "close the quotes"},
		"found unknown escape character":                                    {"an unknown escape in double quotes", "write \\\\ for a backslash, or use single quotes"},
		"found character that cannot start any token":                       {"a value begins with a reserved character such as @, ` or %", "quote the value"},
		"found a tab character where an indentation space is expected":      {"a tab in the indentation", "indent with spaces"},
		"found a tab character that violates indentation":                   {"a tab in the indentation", "indent with spaces"},
		"did not find expected alphabetic or numeric character":             {"an anchor or alias without a name", "quote a value that begins with & or *"},
		"found incompatible YAML document":                                  {"the file declares an unsupported YAML version", ""},
		"found undefined tag handle":                                        {"undeclared tag", "quote a value that begins with !"},
		"did not find URI escape sequence":                                  {"not a tag", "quote a value that begins with !"},
		"found a comment without preceding whitespace":                      {"a comment needs a space before its #", ""},
		"did not find expected comment or line break":                       {"unexpected characters at the end of the line", ""},
		"did not find expected whitespace or line break":                    {"want a space or the end of the line here", ""},
		"found extra directive":                                             {"duplicate directive", ""},
		"found duplicate %YAML directive":                                   {"duplicate directive", ""},
		"found duplicate %TAG directive":                                    {"duplicate directive", ""},
		"did not find expected hexadecimal number":                          {"an escape without its hexadecimal digits", ""},
		"found invalid Unicode character escape code":                       {"an escape that is not a character", ""},
		"found an indentation indicator equal to 0":                         {"the indentation indicator of a block is 0", ""},
		"found more indented spaces in leading blank lines than in content": {"a blank line is indented deeper than the text of its block", ""},
	}
}
