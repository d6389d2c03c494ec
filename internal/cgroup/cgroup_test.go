package cgroup_test

import (
	"os"
	"runtime"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/inith/inith/internal/cgroup"
)

const (
	mountV2   = "30 23 0:26 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup rw,nsdelegate\n"
	mountV1   = "35 31 0:32 / /sys/fs/cgroup/memory rw,relatime - cgroup none rw,memory\n"
	mountCPU  = "36 31 0:33 / /sys/fs/cgroup/cpu rw,relatime - cgroup none rw,cpu\n"
	unlimited = "9223372036854771712\n"
)

func TestCgroup(t *testing.T) {
	for _, tt := range []struct {
		name  string
		files string // "path: content", one a line
		mount string
		want  cgroup.Limit // zero: none
	}{
		{
			name:  "version 2 in a container",
			mount: mountV2,
			files: `proc/self/cgroup: 0::/
				sys/fs/cgroup/memory.max: 268435456
				sys/fs/cgroup/memory.current: 100000000
				sys/fs/cgroup/memory.stat: anon 1;inactive_file 30000000;active_file 7`,
			want: cgroup.Limit{Max: 268435456, Used: 70000000},
		},
		{
			name:  "version 2 without a limit",
			mount: mountV2,
			files: `proc/self/cgroup: 0::/
				sys/fs/cgroup/memory.max: max`,
		},
		{
			name:  "version 2 on a host, with the limit of the Pod above that of the container",
			mount: mountV2,
			files: `proc/self/cgroup: 0::/kubepods/pod1/main
				sys/fs/cgroup/kubepods/memory.max: 9000
				sys/fs/cgroup/kubepods/pod1/memory.max: 1000
				sys/fs/cgroup/kubepods/pod1/memory.current: 600
				sys/fs/cgroup/kubepods/pod1/main/memory.max: max
				sys/fs/cgroup/kubepods/pod1/main/memory.current: 5`,
			want: cgroup.Limit{Max: 1000, Used: 600},
		},
		{
			name:  "two equal limits: the fuller one counts",
			mount: mountV2,
			files: `proc/self/cgroup: 0::/pod/main
				sys/fs/cgroup/pod/memory.max: 1000
				sys/fs/cgroup/pod/memory.current: 600
				sys/fs/cgroup/pod/main/memory.max: 1000
				sys/fs/cgroup/pod/main/memory.current: 5`,
			want: cgroup.Limit{Max: 1000, Used: 600},
		},
		{
			name:  "a path outside of the cgroup namespace",
			mount: mountV2,
			files: `proc/self/cgroup: 0::/../../other
				sys/fs/cgroup/memory.max: 1000`,
			want: cgroup.Limit{Max: 1000},
		},
		{
			name:  "more cache than use, read at two moments",
			mount: mountV2,
			files: `proc/self/cgroup: 0::/
				sys/fs/cgroup/memory.max: 1000
				sys/fs/cgroup/memory.current: 10
				sys/fs/cgroup/memory.stat: inactive_file 11`,
			want: cgroup.Limit{Max: 1000},
		},
		{
			name:  "version 1 in a container, whose cgroup is what is mounted",
			mount: mountCPU + strings.Replace(mountV1, " / ", " /docker/abc ", 1),
			files: `proc/self/cgroup: 5:cpu:/docker/abc;4:memory:/docker/abc
				sys/fs/cgroup/memory/memory.limit_in_bytes: 1000
				sys/fs/cgroup/memory/memory.usage_in_bytes: 900
				sys/fs/cgroup/memory/memory.stat: inactive_file 1;total_inactive_file 400`,
			want: cgroup.Limit{Max: 1000, Used: 500},
		},
		{
			name:  "version 1, another path mounted than ours",
			mount: strings.Replace(mountV1, " / ", " /kubepods/x ", 1),
			files: `proc/self/cgroup: 4:cpu,memory:/docker/abc
				sys/fs/cgroup/memory/memory.limit_in_bytes: 1000`,
			want: cgroup.Limit{Max: 1000},
		},
		{
			name:  "version 1 without a limit, beside an empty version 2",
			mount: mountV2 + mountV1,
			files: `proc/self/cgroup: 4:memory:/a;0::/
				sys/fs/cgroup/memory/memory.limit_in_bytes: ` + unlimited + `
				sys/fs/cgroup/memory/a/memory.limit_in_bytes: ` + unlimited,
		},
		{
			name:  "version 1, beside an empty version 2",
			mount: mountV2 + mountV1,
			files: `proc/self/cgroup: 4:memory:/a;0::/
				sys/fs/cgroup/memory/memory.limit_in_bytes: ` + unlimited + `
				sys/fs/cgroup/memory/a/memory.limit_in_bytes: 4096`,
			want: cgroup.Limit{Max: 4096},
		},
		{name: "no cgroups"},
		{
			name:  "nonsense",
			mount: "x - y\n - \n\n",
			files: `proc/self/cgroup: x;::;4:memory`,
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			root := fstest.MapFS{"proc/self/mountinfo": {Data: []byte(tt.mount)}}
			for line := range strings.Lines(tt.files) {
				name, content, _ := strings.Cut(strings.TrimSpace(line), ": ")
				if name != "" {
					root[name] = &fstest.MapFile{Data: []byte(strings.ReplaceAll(content, ";", "\n") + "\n")}
				}
			}
			got, ok := cgroup.Cgroup(root)
			if got != tt.want || ok != (tt.want != cgroup.Limit{}) {
				t.Errorf("got %+v, %v, want %+v", got, ok, tt.want)
			}
		})
	}
}

func TestFree(t *testing.T) {
	for _, tt := range []struct {
		limit cgroup.Limit
		want  int64
	}{
		{cgroup.Limit{Max: 10, Used: 3}, 7},
		{cgroup.Limit{Max: 10, Used: 11}, 0},
	} {
		if got := tt.limit.Free(); got != tt.want {
			t.Errorf("%+v: got %d, want %d", tt.limit, got, tt.want)
		}
	}
}

// TestThisMachine cannot know what is right here, but something that is not.
func TestThisMachine(t *testing.T) {
	got, ok := cgroup.Cgroup(os.DirFS("/"))
	if ok && (runtime.GOOS != "linux" || got.Max <= 0 || got.Used <= 0) {
		t.Errorf("got %+v", got)
	}
}
