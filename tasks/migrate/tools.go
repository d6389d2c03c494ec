package migrate

// A Tool is a migrator whose commands are known.
type Tool struct {
	Name    string
	Check   []string // exits with 0 if nothing is pending
	Command []string
}

// Tools are the presets.
func Tools() []Tool {
	return []Tool{
		{"django", []string{"python", "manage.py", "migrate", "--check"}, []string{"python", "manage.py", "migrate", "--noinput"}},
		// alembic check is another question: whether the models have changed.
		{"alembic", []string{"alembic", "current", "--check-heads"}, []string{"alembic", "upgrade", "heads"}},
	}
}
