package document

func (r *reading) parseJSON(relaxed bool) ([]*Node, bool) { return nil, true }
func (r *reading) parseTOML() ([]*Node, bool)             { return nil, true }
func (r *reading) parseDotenv() ([]*Node, bool)           { return nil, true }
