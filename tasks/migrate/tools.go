package migrate

// A Tool is a migrator whose commands are known.
type Tool struct {
	Name    string
	Check   []string // exits with 0 if nothing is pending; nil: it has no such command, and runs each time
	Command []string
}

// Tools are the presets.
func Tools() []Tool {
	return []Tool{
		{"django", []string{"python", "manage.py", "migrate", "--check"}, []string{"python", "manage.py", "migrate", "--noinput"}},
		// alembic check is another question: whether the models have changed.
		{"alembic", []string{"alembic", "current", "--check-heads"}, []string{"alembic", "upgrade", "heads"}},
		// With its default settings, validate fails if a migration was not applied.
		{"flyway", []string{"flyway", "validate"}, []string{"flyway", "migrate"}},
		{"liquibase", nil, []string{"liquibase", "update"}},
		{"prisma", []string{"npx", "prisma", "migrate", "status"}, []string{"npx", "prisma", "migrate", "deploy"}},
		{"rails", []string{"bin/rails", "db:abort_if_pending_migrations"}, []string{"bin/rails", "db:migrate"}},
	}
}
