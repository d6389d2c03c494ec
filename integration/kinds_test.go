package integration_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/inith/inith/probe"
)

// A kind is one row of the conformance suite: what the suite has to know about a
// kind of target.
type kind struct {
	name    string
	variant string // of a second row of a kind, "" for the first
	// addr returns where a server may listen; nil is freeAddr.
	addr func(t *testing.T) string
	// target returns the URL that asks for the highest level that needs no
	// state, with this password if the kind has any.
	target func(t *testing.T, addr, password string) string
	// start starts the real server and does not wait until it is ready.
	start func(t *testing.T, addr string) *server
	// use does what an application does first.
	use func(ctx context.Context, addr string) error
	// starting starts a server that accepts connections and says by itself that
	// it is not ready, until finish is called. nil: the kind does not hear it.
	starting func(t *testing.T, addr string) (finish func())
	// startingLevels are those at which it is heard.
	startingLevels []probe.Level
	// holds returns what the server has, such as keys and sessions; nil: the suite does not ask.
	holds func(ctx context.Context, addr string) (string, error)
	// portOnly: nothing is said at this kind, so that a silent or a hung server,
	// for which the kernel accepts, is ready.
	portOnly bool
	// noPassword: the target carries none, though each has files of its own.
	noPassword bool
}

// kinds are all kinds of target, one row each.
func kinds() []kind {
	return slices.Concat(services(), grpcKinds(), []kind{
		{
			name:     "tcp",
			target:   func(_ *testing.T, addr, _ string) string { return "tcp://" + addr },
			start:    func(t *testing.T, addr string) *server { t.Helper(); return startNginx(t, addr, up()) },
			use:      useHTTP,
			portOnly: true,
		},
		{
			name:     "unix",
			addr:     func(t *testing.T) string { t.Helper(); return filepath.Join(sharedDir(t), "app.sock") },
			target:   func(_ *testing.T, addr, _ string) string { return "unix://" + addr },
			start:    startSocket,
			use:      useSocket,
			portOnly: true,
		},
		{
			name:   "http",
			target: func(_ *testing.T, addr, pw string) string { return "http://app:" + escape(pw) + "@" + addr },
			start:  func(t *testing.T, addr string) *server { t.Helper(); return startNginx(t, addr, up()) },
			use:    useHTTP,
			starting: func(t *testing.T, addr string) func() {
				t.Helper()
				s := startNginx(t, addr)
				return func() { s.exec(t, "", "touch", "/tmp/ready") }
			},
			startingLevels: []probe.Level{probe.LevelState}, // at any other, 503 is an answer
		},
		{
			name: "https",
			target: func(t *testing.T, addr, pw string) string {
				t.Helper()
				return fmt.Sprintf("https://app@%s#ca-file=%s&password-file=%s", addr, caFile(t), secretFile(t, pw))
			},
			start: func(t *testing.T, addr string) *server { t.Helper(); return startHTTPS(t, addr, up()) },
			use:   useHTTPS,
			starting: func(t *testing.T, addr string) func() {
				t.Helper()
				s := startHTTPS(t, addr)
				return func() { s.exec(t, "", "touch", "/tmp/ready") }
			},
			startingLevels: []probe.Level{probe.LevelState}, // at any other, 503 is an answer
		},
		{
			name: "s3",
			target: func(t *testing.T, addr, pw string) string {
				t.Helper()
				return "s3://app@models?endpoint=http://" + addr + "#password-file=" + secretFile(t, pw)
			},
			start: func(t *testing.T, addr string) *server { t.Helper(); return startS3(t, addr) },
			use:   useS3,
			// A server that is starting does not listen.
		},
		{
			name:           "zookeeper",
			target:         func(_ *testing.T, addr, _ string) string { return "zookeeper://" + addr },
			start:          startZookeeper,
			use:            useZookeeper,
			starting:       startZookeeperMember,
			startingLevels: []probe.Level{probe.LevelProto},
		},
		{
			name:  "postgres",
			holds: postgresHolds,
			target: func(_ *testing.T, addr, pw string) string {
				return "postgres://postgres:" + escape(pw) + "@" + addr + "/app?sslmode=prefer"
			},
			start:          func(t *testing.T, addr string) *server { t.Helper(); return startPostgres(t, addr) },
			use:            usePostgres,
			starting:       startStandby,
			startingLevels: []probe.Level{probe.LevelProto, probe.LevelAuth},
		},
		{
			name: "mysql",
			target: func(t *testing.T, addr, pw string) string {
				t.Helper()
				return "mysql://app@" + addr + "/app#password-file=" + secretFile(t, pw)
			},
			start: func(t *testing.T, addr string) *server { t.Helper(); return startMariaDB(t, addr) },
			use:   useMySQL,
			// A server that is starting does not listen.
		},
		{
			name: "mongodb",
			target: func(t *testing.T, addr, pw string) string {
				t.Helper()
				return "mongodb://app@" + addr + "/app#password-file=" + secretFile(t, pw)
			},
			start: startMongoDB,
			use:   useMongoDB,
		},
		{
			name:  "redis",
			holds: redisHolds,
			target: func(t *testing.T, addr, pw string) string {
				t.Helper()
				return "redis://" + addr + "/0#password-file=" + secretFile(t, pw)
			},
			start: func(t *testing.T, addr string) *server { t.Helper(); return startRedis(t, addr) },
			use:   useRedis,
			starting: func(t *testing.T, addr string) func() {
				t.Helper()
				startRedis(t, addr, withDataset(t))
				return func() {} // it finishes by itself, when the data are loaded
			},
			startingLevels: []probe.Level{probe.LevelAuth}, // at proto it asks for the password first
		},
		{
			name: "rediss",
			target: func(t *testing.T, addr, pw string) string {
				t.Helper()
				return "rediss://:" + escape(pw) + "@" + addr + "/0#ca-file=" + caFile(t)
			},
			start: func(t *testing.T, addr string) *server { t.Helper(); return startRedis(t, addr, withRedisTLS(t, addr)) },
			use:   useRedisTLS,
			starting: func(t *testing.T, addr string) func() {
				t.Helper()
				startRedis(t, addr, withDataset(t), withRedisTLS(t, addr))
				return func() {}
			},
			startingLevels: []probe.Level{probe.LevelAuth},
		},
		{
			name: "redis+sentinel",
			target: func(t *testing.T, addr, pw string) string {
				t.Helper()
				return "redis+sentinel://" + addr + "/main/0#password-file=" + secretFile(t, pw)
			},
			start: func(t *testing.T, addr string) *server { t.Helper(); return startRedisSentinel(t, addr) },
			use:   useRedisMaster,
		},
		{
			name: "rediss+sentinel",
			target: func(t *testing.T, addr, pw string) string {
				t.Helper()
				return "rediss+sentinel://:" + escape(pw) + "@" + addr + "/main#ca-file=" + caFile(t)
			},
			start: func(t *testing.T, addr string) *server {
				t.Helper()
				return startRedisSentinel(t, addr, withCertificate(t))
			},
			use: useRedisMasterTLS,
		},
		{
			name: "redis+cluster",
			target: func(t *testing.T, addr, pw string) string {
				t.Helper()
				return "redis+cluster://" + addr + "#password-file=" + secretFile(t, pw)
			},
			start: startWholeRedisCluster,
			use:   useRedis,
			starting: func(t *testing.T, addr string) func() {
				t.Helper()
				startRedisCluster(t, addr)
				return func() { assignSlots(t, addr, nil) }
			},
			startingLevels: []probe.Level{probe.LevelAuth}, // at proto it asks for the password first
		},
		{
			name: "rediss+cluster",
			target: func(t *testing.T, addr, pw string) string {
				t.Helper()
				return "rediss+cluster://:" + escape(pw) + "@" + addr + "#ca-file=" + caFile(t)
			},
			start: startWholeRedisClusterTLS,
			use:   useRedisTLS,
		},
		{
			name:  "memcached",
			holds: memcachedHolds,
			target: func(t *testing.T, addr, pw string) string {
				t.Helper()
				return "memcached://app@" + addr + "#password-file=" + secretFile(t, pw)
			},
			start: startMemcached,
			use:   useMemcached,
		},
		{
			name: "ldap",
			target: func(t *testing.T, addr, pw string) string {
				t.Helper()
				return "ldap://" + ldapUser + "@" + addr + "#password-file=" + secretFile(t, pw)
			},
			start: func(t *testing.T, addr string) *server { t.Helper(); return startSlapd(t, addr) },
			use:   useLDAP,
			// A server that is starting does not listen.
		},
		{
			name: "ldaps",
			target: func(t *testing.T, addr, pw string) string {
				t.Helper()
				return "ldaps://" + ldapUser + ":" + escape(pw) + "@" + addr + "#ca-file=" + caFile(t)
			},
			start: func(t *testing.T, addr string) *server { t.Helper(); return startSlapdTLS(t, "ldaps://"+addr) },
			use:   useLDAPS,
		},
		{
			name: "kafka",
			target: func(t *testing.T, addr, pw string) string {
				t.Helper()
				return "kafka://app@" + addr + "#sasl=scram-sha-256&password-file=" + secretFile(t, pw)
			},
			start: func(t *testing.T, addr string) *server { t.Helper(); return startKafka(t, addr) },
			use:   useKafka,
			// A broker that is starting does not listen.
		},
		{
			name: "kafka+ssl",
			target: func(t *testing.T, addr, pw string) string {
				t.Helper()
				return "kafka+ssl://app:" + escape(pw) + "@" + addr + "#ca-file=" + caFile(t)
			},
			start: startKafkaTLS,
			use:   useKafkaTLS,
		},
		{
			name: "amqp",
			target: func(t *testing.T, addr, pw string) string {
				t.Helper()
				return "amqp://app@" + addr + "/app#password-file=" + secretFile(t, pw)
			},
			start: startRabbitMQ,
			use:   useAMQP,
			// A broker that is starting does not listen.
		},
		{
			name: "amqps",
			target: func(t *testing.T, addr, pw string) string {
				t.Helper()
				return "amqps://app:" + escape(pw) + "@" + addr + "/app#ca-file=" + caFile(t)
			},
			start: startRabbitMQTLS,
			use:   useAMQPS,
		},
		{
			name:   "dns",
			target: func(_ *testing.T, addr, _ string) string { return "dns://" + addr + "/app.test?type=A" },
			start:  startDNSMasq,
			use:    useDNS,
		},
		{
			name: "nats",
			target: func(t *testing.T, addr, pw string) string {
				t.Helper()
				return "nats://app@" + addr + "#password-file=" + secretFile(t, pw)
			},
			start: func(t *testing.T, addr string) *server { t.Helper(); return startNATS(t, addr) },
			use:   useNATS,
			// A server that is starting does not listen.
		},
		{
			name: "mqtt",
			target: func(t *testing.T, addr, pw string) string {
				t.Helper()
				return "mqtt://app@" + addr + "#password-file=" + secretFile(t, pw)
			},
			start: startMosquitto,
			use:   useMQTT,
			// A server that is starting does not listen.
		},
		{
			name: "mqtts",
			target: func(t *testing.T, addr, pw string) string {
				t.Helper()
				return "mqtts://app:" + escape(pw) + "@" + addr + "#ca-file=" + caFile(t)
			},
			start: startMosquittoTLS,
			use:   useMQTTTLS,
		},
	})
}

// startSocket starts nginx on a Unix socket.
func startSocket(t *testing.T, path string) *server {
	t.Helper()
	return startNginx(t, "unix:"+path, up(), withDir(filepath.Dir(path), filepath.Dir(path)))
}

// secretFile is a file with a password, ended by a newline as editors do.
func secretFile(t *testing.T, secret string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(name, []byte(secret+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}
