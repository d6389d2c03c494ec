package integration_test

import (
	"context"
	"net/http"
	"testing"

	"github.com/testcontainers/testcontainers-go"
)

// startInfluxDB starts a server of version 1.
func startInfluxDB(t *testing.T, addr string) *server {
	t.Helper()
	return startServer(t, "influxdb",
		testcontainers.WithEnv(map[string]string{
			"INFLUXDB_HTTP_BIND_ADDRESS": addr, "INFLUXDB_BIND_ADDRESS": freeAddr(t), "INFLUXDB_REPORTING_DISABLED": "true",
			"INFLUXDB_META_DIR": "/tmp/meta", "INFLUXDB_DATA_DIR": "/tmp/data", "INFLUXDB_DATA_WAL_DIR": "/tmp/wal",
		}),
		testcontainers.WithCmd("influxd", "run"))
}

// useInfluxDB makes a database.
func useInfluxDB(ctx context.Context, addr string) error {
	ctx, cancel := context.WithTimeout(ctx, useTime)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+addr+"/query?q=CREATE+DATABASE+app", http.NoBody)
	if err != nil {
		return err
	}
	return answered(&http.Transport{DisableKeepAlives: true}, req, `"results"`)
}
