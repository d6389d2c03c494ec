package render_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/inith/inith/tasks/render"
)

// A source is opened, which finds its problems, and then rendered.
func Example() {
	r := &render.Renderer{
		Env:    []string{"API_URL=http://api:8080"},
		Stdin:  strings.NewReader("url: {{ .Env.API_URL | quote }}\nretries: {{ .Env.RETRIES | default 3 }}\n"),
		Stdout: os.Stdout,
	}
	job, err := r.Open(context.Background(), "-", "-")
	if err != nil {
		panic(err)
	}
	_, err = job.Run(context.Background())
	if err != nil {
		panic(err)
	}
	// Output:
	// url: "http://api:8080"
	// retries: 3
}

// What is missing is an error with its position.
func ExampleError() {
	r := &render.Renderer{Stdin: strings.NewReader("name: app\nurl: {{ .Env.API_URL }}\n"), Stdout: os.Stdout}
	job, err := r.Open(context.Background(), "-", "-")
	if err != nil {
		panic(err)
	}
	_, err = job.Run(context.Background())
	if e, ok := errors.AsType[*render.Error](err); ok {
		fmt.Printf("line %d, column %d: %s\n", e.Line, e.Column, e.Message)
	}
	// Output:
	// line 2, column 9: $API_URL is not set
}
