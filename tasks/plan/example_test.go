package plan_test

import (
	"context"
	"fmt"

	"github.com/inith/inith/tasks/plan"
)

type exampleStep func(ctx context.Context) error

func (s exampleStep) Run(ctx context.Context) error { return s(ctx) }

// Steps run as soon as those that they need are done.
func Example() {
	say := func(text string) plan.Step {
		return exampleStep(func(context.Context) error {
			fmt.Println(text)
			return nil
		})
	}
	nodes := []plan.Node{
		{Name: "schema", Needs: []string{"database"}, Step: say("the schema is migrated")},
		{Name: "database", Step: say("the database is ready")},
		{Name: "seeds", Needs: []string{"schema"}, Step: say("the seeds are in")},
	}
	if problems := plan.Check(nodes); len(problems) > 0 {
		panic(problems[0].Err)
	}
	report, err := (&plan.Plan{Name: "start-up", Nodes: nodes}).Run(context.Background())
	if err != nil {
		panic(err)
	}
	var path []string
	for _, i := range report.CriticalPath() {
		path = append(path, report.Steps[i].Name)
	}
	fmt.Println(report.State(), path)
	// Output:
	// the database is ready
	// the schema is migrated
	// the seeds are in
	// done [database schema seeds]
}
