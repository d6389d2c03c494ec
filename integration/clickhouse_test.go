package integration_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/testcontainers/testcontainers-go"
)

// startClickHouse starts a server with the user app.
func startClickHouse(t *testing.T, addr string) *server {
	t.Helper()
	return startServer(t, "clickhouse",
		file("/config.xml", fmt.Sprintf(`
<yandex>
	<logger><level>warning</level><console>1</console></logger>
	<listen_host>127.0.0.1</listen_host>
	<http_port>%s</http_port>
	<path>/tmp/clickhouse/</path>
	<tmp_path>/tmp/clickhouse/tmp/</tmp_path>
	<mark_cache_size>1048576</mark_cache_size>
	<users_config>/users.xml</users_config>
	<default_profile>default</default_profile>
	<default_database>default</default_database>
</yandex>`, portOf(addr))),
		file("/users.xml", fmt.Sprintf(`
<yandex>
	<profiles><default/></profiles>
	<quotas><default/></quotas>
	<users><app>
		<password>%s</password>
		<networks><ip>127.0.0.1</ip></networks>
		<profile>default</profile>
		<quota>default</quota>
	</app></users>
</yandex>`, password)),
		testcontainers.WithCmd("clickhouse-server", "--config-file=/config.xml"))
}

func clickHouseTarget(t *testing.T, addr, pw string) string {
	t.Helper()
	return "clickhouse://app@" + addr + "/default#password-file=" + secretFile(t, pw)
}

func useClickHouse(ctx context.Context, addr string) error {
	return queryClickHouse(ctx, addr, "SELECT 40+2", "42\n")
}

func queryClickHouse(ctx context.Context, addr, query, want string) error {
	ctx, cancel := context.WithTimeout(ctx, useTime)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+addr+"/", strings.NewReader(query))
	if err != nil {
		return err
	}
	req.SetBasicAuth("app", password)
	return answered(&http.Transport{DisableKeepAlives: true}, req, want)
}

// TestClickHouseDatabase waits for a database that is created later.
func TestClickHouseDatabase(t *testing.T) {
	t.Parallel()
	addr := freeAddr(t)
	startClickHouse(t, addr)
	poll(t, 5*time.Minute, func(ctx context.Context) error { return useClickHouse(ctx, addr) })
	target := open(t, "clickhouse://app:"+escape(password)+"@"+addr+"/later")
	err := attempt(t, target, time.Minute)
	wantNotYet(t, err)
	hasAll(t, fmt.Sprint(err), "the database does not exist (yet)")
	if err := queryClickHouse(t.Context(), addr, "CREATE DATABASE later", ""); err != nil {
		t.Fatal(err)
	}
	if err := attempt(t, target, time.Minute); err != nil {
		t.Error(err)
	}
}
