package main

import (
	"fmt"
	"path/filepath"
	"strings"
)

// A tool is a way to download and verify.
type tool struct {
	name    string
	program string
	command func(j job) command
	yard    bool // it only writes as many bytes to the disk, or reads them from the line: what there is to get
}

func (t tool) isInith() bool { return t.program == inithName }

// A command is a program with its arguments, what it needs in its environment
// besides PATH, and what the job's list is to hold for it.
type command struct {
	argv, env []string
	list      string
}

// A job is what a tool is to download.
type job struct {
	origin string // host and port
	layout layout
	files  []file
	data   string // the directory of the files at the origin
	dir    string // an empty folder for the files
	list   string // a file name for a list of them
}

func (job) s3(f file) string       { return "s3://" + bucket + "/" + f.Name }
func (j job) output(f file) string { return filepath.Join(j.dir, f.Name) }

// url is where clients without a word of the hub's API download a file from.
func (j job) url(f file) string {
	path := bucket
	if j.layout == hub {
		path = repository + "/resolve/main"
	}
	return "http://" + j.origin + "/" + path + "/" + f.Name
}

// toolsFor returns the tools of this run that can do a scenario.
func (b *toolbox) toolsFor(s scenario) []tool {
	var tools []tool
	add := func(name string, command func(job) command, programs ...string) {
		if b.has(programs...) {
			tools = append(tools, tool{name: name, program: programs[0], command: command})
		}
	}
	if b.inith != "" {
		tools = append(tools, tool{name: inithName, program: inithName, command: b.one(`exec "$inith" fetch "$url" "$out" --sha256 "$sum"`)})
		if s.slow {
			tools = append(tools, tool{name: inithWith32, program: inithName, command: b.one(`exec "$inith" fetch "$url" "$out" --sha256 "$sum" --connections 32`)})
		}
	}
	if s.files > 1 {
		if b.inith != "" {
			tools[0].command = b.inithMany(s.layout)
		}
		if s.layout != urls && s.line == nil {
			tools = append(tools, tool{name: hashName, program: hashName, command: b.hash, yard: true})
		}
		add("curl -Z", b.curlList, "curl", "sha256sum")
		add("aria2 -j16", b.aria2List, "aria2c")
		add("pget multifile", b.pgetList, "pget", "sha256sum")
		add("s5cmd run", b.s5cmdList, "s5cmd", "sha256sum")
		if s.layout == prefix {
			add("s5cmd cp", b.s5cmdPrefix, "s5cmd", "sha256sum")
		}
		return tools
	}
	curl, aria2 := `curl -qfsS -o "$out" "$url"`, `exec aria2c --no-conf -q -x16 -s16 -k1M --checksum=sha-256="$sum" -d "$dir" -o "$name" "$url"`
	if s.cut > 0 {
		curl = `n=0; until curl -qfs -C - -o "$out" "$url"; do n=$((n+1)); [ $n -lt 1000 ] || exit 1; done`
		aria2 = strings.Replace(aria2, "-q ", "-q -m0 --retry-wait=0 ", 1)
	}
	const openssl = ` && test "$(openssl dgst -sha256 -r "$out")" = "$sum *$out"`
	const sha256sum = ` && echo "$sum  $out" | sha256sum -c --status -`
	if y, ok := b.yard(s); ok {
		tools = append(tools, y)
	}
	if !s.slow {
		add("curl+openssl", b.one(curl+openssl), "curl", "openssl")
	}
	if s.withSums {
		add("curl+sha256sum", b.one(curl+sha256sum), "curl", "sha256sum")
	}
	add("aria2 -x16", b.one(aria2), "aria2c")
	add("pget", b.one(`pget --log-level error -f "$url" "$out"`+sha256sum), "pget", "sha256sum")
	add("pget -c16 -m8M", b.one(`pget --log-level error -f -c16 -m8M "$url" "$out"`+sha256sum), "pget", "sha256sum")
	add("s5cmd", b.one(`s5cmd --log error --no-sign-request --endpoint-url "http://$origin" cp "$s3" "$out"`+sha256sum), "s5cmd", "sha256sum")
	add("axel -n16", b.one(`axel -q -n 16 -o "$out" "$url"`+sha256sum), "axel", "sha256sum")
	return tools
}

// yard returns what measures the disk, or the line with as many connections as inith
// has.
func (b *toolbox) yard(s scenario) (tool, bool) {
	switch {
	case s.limit > 0 || s.slow:
		return tool{}, false
	case s.line == nil:
		write := b.one(fmt.Sprintf(`exec dd if=/dev/zero of="$out" bs=%d count=%d conv=fsync status=none`, mib, s.size/mib))
		return tool{name: "(the disk alone)", program: "dd", command: write, yard: true}, true
	}
	read := b.one(fmt.Sprintf(`i=0; while [ $i -lt %d ]; do curl -qfs -r $((i*%d))-$((i*%[2]d+%[2]d-1)) -o /dev/null "$url" & i=$((i+1)); done; wait`,
		connections, s.size/connections))
	return tool{name: "(the line alone)", program: "curl", command: read, yard: true}, b.has("curl")
}

// one is a script for the download of a single file.
func (b *toolbox) one(script string) func(job) command {
	return func(j job) command {
		f := j.files[0]
		return b.script(script, "", "url="+j.url(f), "out="+j.output(f), "sum="+f.Sum,
			"dir="+j.dir, "name="+f.Name, "origin="+j.origin, "s3="+j.s3(f))
	}
}

func (b *toolbox) script(script, list string, env ...string) command {
	// s5cmd would ask the network for a region that it does not know.
	env = append(env, "inith="+b.inith, "AWS_REGION=us-east-1")
	return command{argv: []string{"/bin/sh", "-c", script}, env: env, list: list}
}

// many is a script for a list of files, with a line or more for each. The sums
// of all are in a file beside the list.
func (b *toolbox) many(j job, script string, line func(f file) string) command {
	var list strings.Builder
	for _, f := range j.files {
		list.WriteString(line(f))
	}
	return b.script(script, list.String(), "list="+j.list, "sums="+j.list+".sums", "dir="+j.dir, "origin="+j.origin)
}

const checkSums = ` && cd "$dir" && exec sha256sum -c --status "$sums"`

// inithMany returns how inith downloads several files.
func (b *toolbox) inithMany(l layout) func(job) command {
	switch l {
	case hub:
		return b.all(`HF_ENDPOINT="http://$origin" exec "$inith" fetch "hf://` + repository + `" "$dir"`)
	case prefix:
		return b.all(`AWS_ENDPOINT_URL="http://$origin" exec "$inith" fetch "s3://` + bucket + `/" "$dir" --no-sign-request --evidence server`)
	}
	return b.inithList
}

// all is a script for all files, which needs no list of them.
func (b *toolbox) all(script string) func(job) command {
	return func(j job) command { return b.many(j, script, func(file) string { return "" }) }
}

// hash hashes what the origin has, with all cores: there is no faster way to verify it.
func (b *toolbox) hash(j job) command {
	return b.script(`exec "$self" `+roleHash+` "$data"`, "", "self="+b.self, "data="+j.data)
}

func (b *toolbox) s5cmdPrefix(j job) command {
	return b.all(`s5cmd --log error --no-sign-request --endpoint-url "http://$origin" cp "s3://` + bucket + `/*" "$dir/"` + checkSums)(j)
}

func (b *toolbox) inithList(j job) command {
	return b.many(j, `exec "$inith" fetch -f "$list"`, func(f file) string {
		return "- {url: '" + j.url(f) + "', to: '" + j.output(f) + "', sha256: '" + f.Sum + "'}\n"
	})
}

func (b *toolbox) curlList(j job) command {
	return b.many(j, `curl -qfsSL -Z -K "$list"`+checkSums, func(f file) string {
		return "url = \"" + j.url(f) + "\"\noutput = \"" + j.output(f) + "\"\n"
	})
}

func (b *toolbox) aria2List(j job) command {
	return b.many(j, `exec aria2c --no-conf -q -j16 -d "$dir" -i "$list"`, func(f file) string {
		return j.url(f) + "\n  out=" + f.Name + "\n  checksum=sha-256=" + f.Sum + "\n"
	})
}

func (b *toolbox) pgetList(j job) command {
	return b.many(j, `pget multifile --log-level error "$list"`+checkSums, func(f file) string {
		return j.url(f) + " " + j.output(f) + "\n"
	})
}

func (b *toolbox) s5cmdList(j job) command {
	return b.many(j, `s5cmd --log error --no-sign-request --endpoint-url "http://$origin" run "$list"`+checkSums, func(f file) string {
		return "cp " + j.s3(f) + " " + j.output(f) + "\n"
	})
}
