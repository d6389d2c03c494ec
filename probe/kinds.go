package probe

import "slices"

// A Kind is a protocol that targets speak.
type Kind struct {
	Name    string   // the canonical URL scheme
	Aliases []string // other schemes that mean the same
	Levels  []Level  // what can be asked of it, least first
	Keys    []string // the fragment keys it knows, besides level, timeout and settle

	stateKeys    []string // those of Keys that ask for [LevelState]
	port         string   // where the URL names none; "" if it must
	defaultLevel func(s *spec) Level
	open         func(s *spec) (Prober, error)
}

// Kinds returns the kinds of target. This table is the only place where a kind
// is registered.
func Kinds() []Kind {
	return []Kind{
		{
			Name: "tcp", Levels: []Level{LevelTCP},
			defaultLevel: always(LevelTCP), open: newTCP,
		},
		{
			Name: "unix", Levels: []Level{LevelTCP},
			defaultLevel: always(LevelTCP), open: newUnix,
		},
		{
			Name: "http", Levels: allLevels(), port: "80",
			Keys: slices.Concat(httpKeys(), tlsKeys()), stateKeys: httpStateKeys(),
			defaultLevel: always(LevelState), open: newHTTP,
		},
		{
			Name: "https", Levels: allLevels(), port: "443",
			Keys: slices.Concat(httpKeys(), tlsKeys()), stateKeys: httpStateKeys(),
			defaultLevel: always(LevelState), open: newHTTP,
		},
		{
			Name: "postgres", Aliases: []string{"postgresql"}, Levels: allLevels(), port: "5432",
			Keys: slices.Concat([]string{"password-file", "sql"}, tlsKeys()), stateKeys: []string{"sql"},
			defaultLevel: postgresLevel, open: newPostgres,
		},
		{
			Name: "redis", Aliases: []string{"valkey"}, Levels: allLevels(), port: "6379",
			Keys: redisKeys(), stateKeys: redisStateKeys(),
			defaultLevel: redisLevel, open: newRedis,
		},
		{
			Name: "rediss", Aliases: []string{"valkeys"}, Levels: allLevels(), port: "6379",
			Keys: slices.Concat(redisKeys(), tlsKeys()), stateKeys: redisStateKeys(),
			defaultLevel: redisLevel, open: newRedis,
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
	default:
		return "tcp"
	}
}

func allLevels() []Level { return []Level{LevelTCP, LevelProto, LevelAuth, LevelState} }

func always(l Level) func(*spec) Level { return func(*spec) Level { return l } }

// schemes returns all schemes of all kinds.
func schemes() []string {
	var all []string
	for _, k := range Kinds() {
		all = append(append(all, k.Name), k.Aliases...)
	}
	return all
}

// kindOf returns the kind of a scheme.
func kindOf(scheme string) (Kind, bool) {
	for _, k := range Kinds() {
		if k.Name == scheme || slices.Contains(k.Aliases, scheme) {
			return k, true
		}
	}
	return Kind{}, false
}
