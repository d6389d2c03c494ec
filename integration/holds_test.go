package integration_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"regexp"
	"strings"
)

// redisHolds counts keys and clients, of which this is one.
func redisHolds(ctx context.Context, addr string) (string, error) {
	return said(ctx, addr, "AUTH "+password+"\r\nDBSIZE\r\nINFO clients\r\nQUIT\r\n", `(?m)^:\d+|^connected_clients:\d+`)
}

// memcachedHolds counts items and connections.
func memcachedHolds(ctx context.Context, addr string) (string, error) {
	token := "app " + password
	return said(ctx, addr, fmt.Sprintf("set any 0 0 %d\r\n%s\r\nstats\r\nquit\r\n", len(token), token), `(?m)^STAT curr_(?:items|connections) \d+`)
}

// said sends requests, and returns what matches in all answers.
func said(ctx context.Context, addr, requests, pattern string) (string, error) {
	c, err := new(net.Dialer).DialContext(ctx, "tcp", addr)
	if err != nil {
		return "", err
	}
	defer func() { _ = c.Close() }()
	if _, err := io.WriteString(c, requests); err != nil {
		return "", err
	}
	all, err := io.ReadAll(bufio.NewReader(c))
	found := regexp.MustCompile(pattern).FindAllString(string(all), -1)
	if err == nil && len(found) == 0 {
		err = fmt.Errorf("answered %q", all)
	}
	return strings.Join(found, " "), err
}

// etcdHolds returns the revision, which each change raises.
func etcdHolds(ctx context.Context, addr string) (string, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+addr+"/v3/kv/range", strings.NewReader(`{"key":"dXNlZA=="}`))
	if err != nil {
		return "", err
	}
	resp, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(req)
	if err != nil {
		return "", err
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	revision := regexp.MustCompile(`"revision":"\d+"`).Find(body)
	if err == nil && revision == nil {
		err = fmt.Errorf("answered %q", body)
	}
	return string(revision), err
}

// postgresHolds counts sessions of clients and relations.
func postgresHolds(ctx context.Context, addr string) (string, error) {
	c, err := loginPostgres(ctx, addr)
	if err != nil {
		return "", err
	}
	defer func() { _ = c.Close(ctx) }()
	const count = `SELECT (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()) || ' ' ||
		(SELECT count(*) FROM pg_class)`
	r := c.ExecParams(ctx, count, nil, nil, nil, nil).Read()
	if r.Err != nil {
		return "", r.Err
	}
	return string(r.Rows[0][0]), nil
}
