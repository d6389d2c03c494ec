package integration_test

import (
	"context"
	"fmt"
	"net"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/moby/moby/client"
	"github.com/testcontainers/testcontainers-go"
)

// datasetKeys is how many keys Redis has to load when it starts: enough for a
// second or more, in which it accepts connections and answers LOADING.
const datasetKeys = 2_000_000

// A dataset is a volume with a Redis database of datasetKeys keys.
type dataset struct {
	once   sync.Once
	volume string // "" until it is made
}

var large dataset

// withDataset gives the large database to a Redis server.
func withDataset(t *testing.T) testcontainers.CustomizeRequestOption {
	t.Helper()
	large.once.Do(func() { large.fill(t) })
	if large.volume == "" {
		t.Fatal("the large database could not be made")
	}
	return testcontainers.WithMounts(testcontainers.VolumeMount(large.volume, "/data"))
}

// fill lets a server write the database.
func (d *dataset) fill(t *testing.T) {
	t.Helper()
	volume, addr := fmt.Sprintf("inith-integration-%d", os.Getpid()), freeAddr(t)
	s := startRedis(t, addr, testcontainers.WithCmdArgs("--enable-debug-command", "local"),
		testcontainers.WithMounts(testcontainers.VolumeMount(volume, "/data")))
	poll(t, 5*time.Minute, func(ctx context.Context) error { return useRedis(ctx, addr) })
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	answers, err := redisAsk(c, "AUTH "+password, fmt.Sprintf("DEBUG POPULATE %d", datasetKeys), "SAVE")
	if err != nil || strings.Join(answers, " ") != "+OK +OK +OK" {
		t.Fatalf("fill Redis: %q, %v", answers, err)
	}
	s.kill(t)
	d.volume = volume
}

// remove removes the volume, whose containers are gone.
func (d *dataset) remove() error {
	if d.volume == "" {
		return nil
	}
	c, err := docker()
	if err != nil {
		return err
	}
	_, err = c.VolumeRemove(context.Background(), d.volume, client.VolumeRemoveOptions{Force: true})
	return err
}
