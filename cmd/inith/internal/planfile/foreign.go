package planfile

const (
	aCommand     = `a step runs a command with exec: [PROGRAM, ARGUMENT], or exec: [sh, -c, SCRIPT]`
	anOrder      = `a step names the steps that must be done before it with needs: [NAME]`
	aVariable    = `exec has the environment variables of its command: exec: {command: [PROGRAM], env: {NAME: value}}`
	aListOfSteps = `a plan is a list: steps: [{name: NAME, exec: [PROGRAM]}]`
)

// foreignOfSteps are keys that a step has in compose files and in the workflows of CI systems.
func foreignOfSteps() map[string]string {
	return hints(map[string][]string{
		aCommand:  {"run", "script", "command", "commands", "cmd", "shell", "args", "entrypoint"},
		anOrder:   {"depends_on", "depends-on", "dependsOn", "depends", "requires", "after", "dependencies"},
		aVariable: {"env", "environment", "variables"},
	})
}

func foreignOfPlans() map[string]string {
	return hints(map[string][]string{aListOfSteps: {"jobs", "services", "tasks", "stages"}})
}

// hints returns the hint of each key.
func hints(keys map[string][]string) map[string]string {
	all := map[string]string{}
	for hint, names := range keys {
		for _, name := range names {
			all[name] = hint
		}
	}
	return all
}
