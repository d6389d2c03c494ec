package integration_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/jackc/pgx/v5/pgconn"
	amqp091 "github.com/rabbitmq/amqp091-go"
)

// The use functions do what an application does first when it is told that its
// dependency is ready: once, without a second try. They share no code with
// inith, so that they do not share its mistakes.

// useTime is how long an application waits for the answer of a ready server.
const useTime = 10 * time.Second

func escape(s string) string { return url.PathEscape(s) }

// naive is what `nc -z` and its kin ask: whether the port accepts.
func naive(ctx context.Context, network, addr string) error {
	var d net.Dialer
	c, err := d.DialContext(ctx, network, addr)
	if err != nil {
		return err
	}
	return c.Close()
}

func usePostgres(ctx context.Context, addr string) error {
	return queryPostgres(ctx, addr, "SELECT 1", "1")
}

func queryPostgres(ctx context.Context, addr, query, want string) error {
	ctx, cancel := context.WithTimeout(ctx, useTime)
	defer cancel()
	c, err := loginPostgres(ctx, addr)
	if err != nil {
		return err
	}
	defer func() { _ = c.Close(ctx) }()
	r := c.ExecParams(ctx, query, nil, nil, nil, nil).Read()
	if r.Err != nil {
		return r.Err
	}
	if len(r.Rows) != 1 || string(r.Rows[0][0]) != want {
		return fmt.Errorf("%s gave %q, want %q", query, r.Rows, want)
	}
	return nil
}

func loginPostgres(ctx context.Context, addr string) (*pgconn.PgConn, error) {
	return pgconn.Connect(ctx, fmt.Sprintf("postgres://postgres:%s@%s/app?sslmode=disable", escape(password), addr))
}

func useRedis(ctx context.Context, addr string) error {
	var d net.Dialer
	c, err := d.DialContext(ctx, "tcp", addr)
	if err != nil {
		return err
	}
	return redisGet(c)
}

func useRedisTLS(ctx context.Context, addr string) error {
	d := tls.Dialer{Config: trusting()}
	c, err := d.DialContext(ctx, "tcp", addr)
	if err != nil {
		return err
	}
	return redisGet(c)
}

// redisGet logs in and asks for a key, which need not be there.
func redisGet(c net.Conn) error {
	defer func() { _ = c.Close() }()
	if err := c.SetDeadline(time.Now().Add(useTime)); err != nil {
		return err
	}
	answer, err := redisAsk(c, "AUTH "+password, "GET key:1")
	if err != nil {
		return err
	}
	if answer[0] != "+OK" || !strings.HasPrefix(answer[1], "$") {
		return fmt.Errorf("redis answered %q", answer)
	}
	return nil
}

// pingRedis is the use of a server without a password.
func pingRedis(ctx context.Context, addr string) error {
	var d net.Dialer
	c, err := d.DialContext(ctx, "tcp", addr)
	if err != nil {
		return err
	}
	defer func() { _ = c.Close() }()
	if err := c.SetDeadline(time.Now().Add(useTime)); err != nil {
		return err
	}
	answer, err := redisAsk(c, "PING")
	if err == nil && answer[0] != "+PONG" {
		err = fmt.Errorf("redis answered %q", answer)
	}
	return err
}

// redisAsk sends inline commands and returns the first line of each answer.
func redisAsk(c net.Conn, commands ...string) ([]string, error) {
	answers := make([]string, len(commands))
	r := bufio.NewReader(c)
	for i, command := range commands {
		if _, err := io.WriteString(c, command+"\r\n"); err != nil {
			return nil, err
		}
		line, err := r.ReadString('\n')
		if err != nil {
			return nil, err
		}
		answers[i] = strings.TrimSpace(line)
	}
	return answers, nil
}

func useHTTP(ctx context.Context, addr string) error {
	return get(ctx, "http://"+addr, &http.Transport{DisableKeepAlives: true})
}

func useHTTPS(ctx context.Context, addr string) error {
	return get(ctx, "https://"+addr, &http.Transport{DisableKeepAlives: true, TLSClientConfig: trusting()})
}

// useSocket speaks HTTP with the server behind a Unix socket.
func useSocket(ctx context.Context, path string) error {
	var d net.Dialer
	return get(ctx, "http://socket", &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return d.DialContext(ctx, "unix", path)
		},
	})
}

func get(ctx context.Context, root string, transport *http.Transport) error {
	ctx, cancel := context.WithTimeout(ctx, useTime)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, root+"/", http.NoBody)
	if err != nil {
		return err
	}
	req.SetBasicAuth("app", password)
	resp, err := transport.RoundTrip(req)
	if err != nil {
		return err
	}
	body, err := io.ReadAll(resp.Body)
	if err := errors.Join(err, resp.Body.Close()); err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK || len(body) == 0 {
		return fmt.Errorf("answered status %d with %d bytes", resp.StatusCode, len(body))
	}
	return nil
}

func useMySQL(ctx context.Context, addr string) error {
	c := mysql.NewConfig()
	c.User, c.Passwd, c.Net, c.Addr, c.DBName, c.Logger = "app", password, "tcp", addr, "app", &mysql.NopLogger{}
	connector, err := mysql.NewConnector(c)
	if err != nil {
		return err
	}
	db := sql.OpenDB(connector)
	defer func() { _ = db.Close() }()
	_, err = db.ExecContext(ctx, "CREATE TABLE IF NOT EXISTS used (one int)")
	return err
}

func useAMQP(_ context.Context, addr string) error { return declareQueue("amqp://", addr, nil) }

func useAMQPS(_ context.Context, addr string) error {
	return declareQueue("amqps://", addr, trusting())
}

// declareQueue declares a queue, and publishes to it.
func declareQueue(scheme, addr string, config *tls.Config) error {
	c, err := amqp091.DialConfig(scheme+"app:"+escape(password)+"@"+addr+"/app", amqp091.Config{
		TLSClientConfig: config, Dial: amqp091.DefaultDial(useTime),
	})
	if err != nil {
		return err
	}
	defer func() { _ = c.Close() }()
	channel, err := c.Channel()
	if err != nil {
		return err
	}
	if _, err := channel.QueueDeclare("used", true, false, false, false, nil); err != nil {
		return err
	}
	return channel.Publish("", "used", false, false, amqp091.Publishing{Body: []byte("x")})
}
