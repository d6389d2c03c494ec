package option_test

import (
	"encoding/json"
	"errors"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v4"

	"github.com/inith/inith/cmd/inith/internal/option"
	"github.com/inith/inith/internal/diag"
)

type house struct {
	Name   string
	Rooms  []room
	Roof   roof
	Doors  map[string]door
	Lamps  map[string]string
	Paint  []string
	Mode   uint64
	Height float64
}

type room struct {
	Beds  int64
	Light bool
	Tags  []string
}

type (
	roof struct{ Color string }
	door struct{ Wide bool }
)

func roomTable() option.Table[*room] {
	return option.Table[*room]{
		Options: []option.Option[*room]{
			{Key: "beds", Kind: option.Integer, Usage: "how many", Set: func(r *room, v option.Value) error { r.Beds = v.Int; return nil }},
			{Key: "light", Kind: option.Bool, Usage: "is there light", Set: func(r *room, v option.Value) error { r.Light = v.Bool; return nil }},
			{Key: "tags", Kind: option.Strings, Usage: "words", Set: func(r *room, v option.Value) error {
				if strings.Contains(v.Str, " ") {
					return errors.New("want a word")
				}
				r.Tags = append(r.Tags, v.Str)
				return nil
			}},
		},
		Check: func(r *room, given option.Given) error {
			if given.Has("light") && r.Beds == 0 {
				return errors.New("light without beds")
			}
			return nil
		},
	}
}

func houseTable() option.Table[*house] {
	roofs := option.Table[*roof]{Options: []option.Option[*roof]{
		{Key: "color", Usage: "which", Choices: []string{"red", "grey"}, Set: func(r *roof, v option.Value) error { r.Color = v.Str; return nil }},
	}}
	doors := option.Table[*door]{Options: []option.Option[*door]{
		{Key: "wide", Kind: option.Bool, Usage: "is it", Set: func(d *door, v option.Value) error { d.Wide = v.Bool; return nil }},
	}}
	return option.Table[*house]{Options: []option.Option[*house]{
		{Key: "name", Usage: "what it is called", Required: true, Set: func(h *house, v option.Value) error { h.Name = v.Str; return nil }},
		{Key: "mode", Kind: option.Digits, Usage: "bits", Set: func(h *house, v option.Value) (err error) {
			h.Mode, err = strconv.ParseUint(v.Str, 8, 32)
			return err
		}},
		option.List("rooms", "what is in it", roomTable(), func(h *house, r *room) { h.Rooms = append(h.Rooms, *r) }),
		option.Mapping("roof", "what is on it", roofs, func(h *house) *roof { return &h.Roof }),
		option.Map("doors", "the ways in", doors, func(h *house, key string, d *door) error {
			if key == "wall" {
				return errors.New("that is no door")
			}
			h.Doors = with(h.Doors, key, *d)
			return nil
		}),
		{Key: "lamps", Kind: option.StringMap, Usage: "by room", Set: func(h *house, v option.Value) error {
			h.Lamps = with(h.Lamps, v.Name, v.Str)
			return nil
		}},
		{Key: "paint", Kind: option.StringOrStrings, Usage: "colors", Set: func(h *house, v option.Value) error {
			h.Paint = append(h.Paint, v.Str)
			return nil
		}},
		{Key: "height", Kind: option.Number, Usage: "meters", Set: func(h *house, v option.Value) (err error) {
			h.Height, err = strconv.ParseFloat(v.Str, 64)
			return err
		}},
	}}
}

func with[V any](m map[string]V, key string, v V) map[string]V {
	if m == nil {
		m = map[string]V{}
	}
	m[key] = v
	return m
}

// parsed is the tree of a text that is YAML.
func parsed(t *testing.T, in string) *yaml.Node {
	t.Helper()
	n, err := option.Parse([]byte(in))
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestReadMapping(t *testing.T) {
	t.Parallel()
	n := parsed(t, `
name: hut
mode: 0640
rooms:
- &r {beds: 2, light: true, tags: [a, "b"]}
- *r
roof: {color: red}
doors: {front: {wide: true}}
lamps: {hall: bright}
paint: white
height: 2.5
`)
	got, problems := option.ReadMapping(n, houseTable())
	if problems != nil {
		t.Fatal(problems)
	}
	r := room{Beds: 2, Light: true, Tags: []string{"a", "b"}}
	want := house{
		Name: "hut", Mode: 0o640, Rooms: []room{r, r}, Roof: roof{"red"}, Doors: map[string]door{"front": {true}},
		Lamps: map[string]string{"hall": "bright"}, Paint: []string{"white"}, Height: 2.5,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestProblems holds the reader to report all problems at once, with their positions, and to quote no value.
func TestProblems(t *testing.T) {
	t.Parallel()
	n := parsed(t, `roms: []
"S3cret key": 1
rooms:
- {beds: S3cret, light: yes}
- {light: true}
- S3cret
- {tags: [ok, S3cret two, {}], beds: 1, beds: 2}
roof: {color: rad}
doors: {wall: {}, front: S3cret}
lamps: [S3cret]
paint: {hall: S3cret}
mode: ~
`)
	_, problems := option.ReadMapping(n, houseTable())
	var got []string
	for _, m := range problems {
		got = append(got, m.Error())
	}
	want := []string{
		`1:1: unknown key "roms" (did you mean "rooms"?)`,
		`2:1: unknown key`,
		`4:10: beds: want an integer`,
		`4:25: light: want true or false`,
		`5:3: light without beds`,
		`6:3: want a mapping with keys such as beds and light`,
		`7:15: tags: want a word`,
		`7:27: tags: want a string`,
		`7:41: duplicate key "beds", first defined at 7:32`,
		`8:15: color: want red or grey (did you mean "red"?)`,
		`9:9: that is no door`,
		`9:26: want a mapping with keys such as wide`,
		`10:8: lamps: want a mapping of strings`,
		`11:8: paint: want a string or a list of strings`,
		`12:7: mode: want a string`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// A trip has places, each of which may be its name alone, and the keys of a room at its own level.
type trip struct {
	Places []place
	Room   room
}

type place struct {
	Name         string
	Nights       int64
	Line, Column int
}

func tripTable() option.Table[*trip] {
	places := option.Table[*place]{
		Options: []option.Option[*place]{
			{Key: "name", Usage: "of the town", Required: true, Set: func(p *place, v option.Value) error { p.Name = v.Str; return nil }},
			{Key: "nights", Kind: option.Integer, Usage: "how many", Set: func(p *place, v option.Value) error { p.Nights = v.Int; return nil }},
		},
		Short: "name",
		At:    func(p *place, at diag.Position) { p.Line, p.Column = at.Line, at.Column },
	}
	list := option.List("places", "in order", places, func(t *trip, p *place) { t.Places = append(t.Places, *p) })
	return option.Table[*trip]{Options: append([]option.Option[*trip]{list}, option.Within(roomTable().Options, func(t *trip) *room { return &t.Room })...)}
}

func TestShortAndWithin(t *testing.T) {
	t.Parallel()
	got, problems := option.ReadMapping(parsed(t, "beds: 2\nplaces:\n- Oslo\n- {name: Rome, nights: 3}\ntags: [cheap]\n"), tripTable())
	want := trip{Places: []place{{"Oslo", 0, 3, 3}, {"Rome", 3, 4, 3}}, Room: room{Beds: 2, Tags: []string{"cheap"}}}
	if diff := cmp.Diff(want, got); diff != "" || problems != nil {
		t.Errorf("%v (-want +got):\n%s", problems, diff)
	}
	for in, want := range map[string]string{
		"places: [[Oslo]]":         "1:10: name: want a string",
		"places: [~]":              "1:10: want a mapping with keys such as name and nights",
		"places:\n- {nights: 1}":   "2:3: no name",
		"places: [{name: [Oslo]}]": "1:17: name: want a string",
		"tags: [a b]":              "1:8: tags: want a word",
	} {
		_, problems := option.ReadMapping(parsed(t, in), tripTable())
		if len(problems) != 1 || problems[0].Error() != want {
			t.Errorf("%s: got %v, want %s", in, problems, want)
		}
	}
	if schema := string(option.Schema("trip", tripTable())); !strings.Contains(schema, `"beds"`) || !strings.Contains(schema, `"nights"`) {
		t.Errorf("keys are lacking:\n%s", schema)
	}
}

func TestRequired(t *testing.T) {
	t.Parallel()
	_, problems := option.ReadMapping(parsed(t, "roof: {color: red}\n"), houseTable())
	if len(problems) != 1 || problems[0].Error() != "1:1: no name" {
		t.Errorf("got %v", problems)
	}
}

func TestParse(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"":                        "",
		"# nothing\n":             "",
		"a: [\"S3cret\n":          "not YAML: syntax error in line 2",
		"a: 1\n---\nb: S3cret\n":  "2:1: a second document: want one",
		"a: 1\n---\nb: [S3cret\n": "not YAML: syntax error in line 4",
	} {
		_, err := option.Parse([]byte(in))
		if got := textOf(err); got != want {
			t.Errorf("%q: got %q, want %q", in, got, want)
		}
	}
}

func textOf(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func TestSchema(t *testing.T) {
	t.Parallel()
	var got struct {
		Type       string
		Required   []string
		Properties map[string]map[string]any
	}
	if err := json.Unmarshal(option.Schema("houses", houseTable()), &got); err != nil {
		t.Fatal(err)
	}
	if got.Type != "object" || !cmp.Equal(got.Required, []string{"name"}) || len(got.Properties) != len(houseTable().Options) {
		t.Errorf("got %+v", got)
	}
	for path, want := range map[string]string{
		"name":  `{"description":"what it is called","type":"string"}`,
		"mode":  `{"description":"bits","type":["string","integer"]}`,
		"paint": `{"description":"colors","oneOf":[{"type":"string"},{"items":{"type":"string"},"type":"array"}]}`,
		"roof":  `{"additionalProperties":false,"description":"what is on it","patternProperties":{"^x-":true},"properties":{"color":{"description":"which","enum":["red","grey"],"type":"string"}},"type":"object"}`,
		"doors": `{"additionalProperties":{"additionalProperties":false,"patternProperties":{"^x-":true},"properties":{"wide":{"description":"is it","type":"boolean"}},"type":"object"},"description":"the ways in","type":"object"}`,
	} {
		b, err := json.Marshal(got.Properties[path])
		if err != nil || string(b) != want {
			t.Errorf("%s: got %s, want %s", path, b, want)
		}
	}
}

// FuzzRead feeds the reader with what a YAML parser takes.
func FuzzRead(f *testing.F) {
	f.Add("name: x\nrooms: [&a {tags: [*a]}]\n")
	f.Add("&a [*a, {<<: *a}]")
	f.Add("? [x]\n: y\n")
	f.Fuzz(func(t *testing.T, in string) {
		n, err := option.Parse([]byte(in))
		if err != nil || n == nil {
			return
		}
		_, problems := option.ReadMapping(n, houseTable())
		for _, m := range problems {
			if m.Line < 1 || m.Column < 1 {
				t.Errorf("%v has no position", m)
			}
		}
	})
}
