package probe

import (
	"slices"
	"strings"

	"github.com/inith/inith/internal/mysqlclient"
	"github.com/inith/inith/internal/target"
	"github.com/inith/inith/internal/tlsconfig"
)

// A Kind is a protocol that targets speak.
type Kind struct {
	Name    string   // the canonical URL scheme
	Aliases []string // other schemes that mean the same
	Levels  []Level  // what can be asked of it, lowest first
	Keys    []Key    // the keys of a fragment that it has

	port    string            // where the URL names none; "" if it must
	ports   map[string]string // the same for schemes that have another
	tls     bool              // has the keys of TLS
	hosts   bool              // a URL may have several, one of which has to be ready
	noPort  bool              // its URL has none
	options func() options    // of a new target, each at its default
}

// A Key is a key of the fragment of a target's URL.
type Key struct {
	Name  string
	Usage string
}

// options are what the fragment of a target says to its kind.
type options interface {
	// keys are the kind's own, each of which sets a field.
	keys() []target.Key
	// level is the level to ask for by default, where no key asks for a state.
	level(s *spec) Level
	// open checks the options, and returns the prober of the target.
	open(s *spec) (Prober, error)
}

// Kinds returns the kinds of target.
func Kinds() []Kind {
	all := kinds()
	for i, k := range all {
		s := &spec{kind: k, options: k.options()}
		for _, key := range s.keys() {
			all[i].Keys = append(all[i].Keys, Key{Name: key.Name, Usage: key.Usage})
		}
	}
	return all
}

// kinds is the table of kinds, the only place where a kind is registered.
func kinds() []Kind {
	return slices.Concat([]Kind{
		{
			Name: "tcp", Levels: []Level{LevelTCP},
			options: func() options { return tcpOptions{} },
		},
		{
			Name: "unix", Levels: []Level{LevelTCP}, noPort: true,
			options: func() options { return unixOptions{} },
		},
		{
			Name: "http", Levels: allLevels(), port: "80", tls: true, // which a redirect may lead to
			options: func() options { return &httpOptions{} },
		},
		{
			Name: "https", Levels: allLevels(), port: "443", tls: true,
			options: func() options { return &httpOptions{} },
		},
	}, serviceKinds(), []Kind{
		{
			Name: "zookeeper", Aliases: []string{"zk"}, Levels: []Level{LevelTCP, LevelProto, LevelState}, port: "2181", hosts: true,
			options: func() options { return &zookeeperOptions{} },
		},
		{
			Name: "grpc", Levels: []Level{LevelTCP, LevelProto, LevelState}, tls: true,
			options: func() options { return &grpcOptions{} },
		},
		{
			Name: "grpcs", Levels: []Level{LevelTCP, LevelProto, LevelState}, port: "443", tls: true,
			options: func() options { return &grpcOptions{} },
		},
		{
			Name: "temporal", Aliases: []string{"temporal+grpcs"}, Levels: []Level{LevelTCP, LevelProto, LevelState}, port: "7233", tls: true,
			options: func() options { return &grpcOptions{service: temporalFrontend} },
		},
		{
			Name: "s3", Levels: []Level{LevelTCP, LevelProto, LevelState}, noPort: true, tls: true,
			options: func() options { return &s3Options{} },
		},
	}, databaseKinds(), messageKinds(), []Kind{
		{Name: "dns", Levels: []Level{LevelProto, LevelState}, port: "53", options: func() options { return &dnsOptions{} }},
		{Name: "k8s", Levels: []Level{LevelState}, noPort: true, options: func() options { return &kubeOptions{} }},
		{Name: "file", Levels: []Level{LevelState}, noPort: true, options: func() options { return &fileOptions{} }},
	})
}

// databaseKinds are databases and caches.
func databaseKinds() []Kind {
	return []Kind{
		{
			Name: "postgres", Aliases: []string{"postgresql"}, Levels: allLevels(), port: "5432", tls: true, hosts: true,
			options: func() options { return &postgresOptions{} },
		},
		{
			Name: "mysql", Aliases: []string{"mariadb"}, Levels: allLevels(), port: mysqlclient.Port, tls: true,
			options: func() options { return &mysqlOptions{} },
		},
		{
			Name: "mongodb", Aliases: []string{"mongodb+srv"}, Levels: allLevels(), port: mongoPort, tls: true, hosts: true,
			options: func() options { return &mongoOptions{} },
		},
		{
			Name: "redis", Aliases: []string{"valkey", "redis+unix", "redis+socket", "redis-socket"}, Levels: allLevels(), port: "6379",
			options: func() options { return &redisOptions{} },
		},
		{
			Name: "rediss", Aliases: []string{"valkeys"}, Levels: allLevels(), port: "6379", tls: true,
			options: func() options { return &redisOptions{} },
		},
		{
			Name: "redis+sentinel", Aliases: []string{"redis-sentinel"}, Levels: allLevels(), port: "26379", hosts: true,
			options: func() options { return &redisOptions{} },
		},
		{
			Name: "rediss+sentinel", Levels: allLevels(), port: "26379", tls: true, hosts: true,
			options: func() options { return &redisOptions{} },
		},
		{
			Name: "redis+cluster", Aliases: []string{"redis-cluster"}, Levels: allLevels(), port: "6379", hosts: true,
			options: func() options { return &redisOptions{} },
		},
		{
			Name: "rediss+cluster", Levels: allLevels(), port: "6379", tls: true, hosts: true,
			options: func() options { return &redisOptions{} },
		},
		{
			Name: "memcached", Aliases: []string{"memcache"}, Levels: []Level{LevelTCP, LevelProto, LevelAuth}, port: "11211",
			options: func() options { return &memcachedOptions{} },
		},
		{
			Name: "ldap", Levels: allLevels(), port: "389",
			options: func() options { return &ldapOptions{} },
		},
		{
			Name: "ldaps", Aliases: []string{startTLSScheme}, Levels: allLevels(), port: "636", ports: map[string]string{startTLSScheme: "389"}, tls: true,
			options: func() options { return &ldapOptions{} },
		},
	}
}

// messageKinds are message brokers.
func messageKinds() []Kind {
	return []Kind{
		{
			Name: "kafka", Levels: allLevels(), port: "9092", hosts: true,
			options: func() options { return &kafkaOptions{} },
		},
		{
			Name: "kafka+ssl", Levels: allLevels(), tls: true, hosts: true, // its port is another one everywhere
			options: func() options { return &kafkaOptions{} },
		},
		{
			Name: "amqp", Levels: allLevels(), port: "5672",
			options: func() options { return &amqpOptions{} },
		},
		{
			Name: "amqps", Levels: allLevels(), port: "5671", tls: true,
			options: func() options { return &amqpOptions{} },
		},
		{
			Name: "nats", Levels: allLevels(), port: "4222", tls: true, // the server may require it
			options: func() options { return &natsOptions{} },
		},
		{
			Name: "mqtt", Levels: []Level{LevelTCP, LevelProto, LevelAuth}, port: "1883",
			options: func() options { return &mqttOptions{} },
		},
		{
			Name: "mqtts", Levels: []Level{LevelTCP, LevelProto, LevelAuth}, port: "8883", tls: true,
			options: func() options { return &mqttOptions{} },
		},
	}
}

// schemeOfPort returns the scheme of a target that is only host:port. A new
// entry would change what existing command lines mean.
func schemeOfPort(port string) string {
	switch port {
	case "5432":
		return "postgres"
	case "6379":
		return "redis"
	case mysqlclient.Port:
		return "mysql"
	default:
		return "tcp"
	}
}

func allLevels() []Level { return []Level{LevelTCP, LevelProto, LevelAuth, LevelState} }

// schemes returns the schemes of all kinds, for messages: without those that only add TLS.
func schemes() []string {
	var all []string
	for _, k := range kinds() {
		all = append(append(all, k.Name), k.Aliases...)
	}
	return slices.DeleteFunc(all, func(s string) bool { return strings.Contains(s, "+http") || strings.Contains(s, "+grpcs") })
}

// kindOf returns the kind of a scheme.
func kindOf(scheme string) (Kind, bool) {
	for _, k := range kinds() {
		if k.Name == scheme || slices.Contains(k.Aliases, scheme) {
			return k, true
		}
	}
	return Kind{}, false
}

// TLS says whom to trust and who we are. The zero value trusts the system's certificate
// authorities, or in an image without any, Mozilla's. The files are read at each attempt.
type TLS struct {
	CAFile     string // PEM; instead of the system's
	CertFile   string // PEM; our certificate and its chain
	KeyFile    string // PEM; the key of CertFile
	ServerName string // the name to verify; "" is the host
	SkipVerify bool   // accept any certificate
}

func (t TLS) config() tlsconfig.TLS { return tlsconfig.TLS(t) }
