#!/bin/bash
# The entry point of inith-test/<server>. It imitates the upstream images in what a client or a user can notice: variables,
# paths, user, ports, and when which socket listens. What nobody here uses is left out.
set -euo pipefail

# as_user USER CMD...: CMD takes the place of this shell, as USER if that is still to be done.
as_user() {
	local user=$1
	shift
	if [ "$(id -u)" != 0 ]; then exec "$@"; fi
	exec setpriv --reuid="$user" --regid="$user" --init-groups -- "$@"
}

# give USER DIR...: the directories exist and are USER's.
give() {
	local user=$1
	shift
	mkdir -p "$@"
	if [ "$(id -u)" = 0 ]; then chown -R "$user:$user" "$@"; fi
}

# init_database ARG...: what docker-library/postgres does with an empty PGDATA. The init scripts need a server, so one
# runs meanwhile, with ARG but on the unix socket alone, and is stopped: a client on TCP must not see it, a client
# on the socket sees a server that is ready and then goes away.
init_database() {
	local file
	initdb --username="$POSTGRES_USER" --pwfile=<(printf '%s\n' "$POSTGRES_PASSWORD") ${POSTGRES_INITDB_ARGS:-}
	echo "host all all all ${POSTGRES_HOST_AUTH_METHOD:-scram-sha-256}" >>"$PGDATA/pg_hba.conf"
	export PGUSER=$POSTGRES_USER
	pg_ctl --wait --options="${1+$(printf '%q ' "$@")} -c listen_addresses=''" start
	if [ "$POSTGRES_DB" != postgres ]; then createdb --maintenance-db=postgres "$POSTGRES_DB"; fi
	for file in /docker-entrypoint-initdb.d/*; do
		case $file in
		*.sh) . "$file" ;;
		*.sql) psql --no-psqlrc --set=ON_ERROR_STOP=1 --dbname="$POSTGRES_DB" --file="$file" ;;
		esac
	done
	pg_ctl --wait --mode=fast stop
	echo 'PostgreSQL init process complete; ready for start up.'
}

start_postgres() {
	export PGDATA=${PGDATA:-/var/lib/postgresql/data}
	if [ "$(id -u)" = 0 ]; then
		give postgres "$PGDATA" /var/run/postgresql
		as_user postgres "$0" postgres "$@"
	fi
	chmod 700 "$PGDATA"
	if [ ! -s "$PGDATA/PG_VERSION" ]; then
		export POSTGRES_USER=${POSTGRES_USER:-postgres}
		export POSTGRES_DB=${POSTGRES_DB:-$POSTGRES_USER}
		if [ -n "${POSTGRES_PASSWORD_FILE:-}" ]; then POSTGRES_PASSWORD=$(<"$POSTGRES_PASSWORD_FILE"); fi
		if [ -z "${POSTGRES_PASSWORD:-}" ]; then
			if [ "${POSTGRES_HOST_AUTH_METHOD:-}" != trust ]; then
				echo 'Error: Database is uninitialized and superuser password is not specified.' >&2
				exit 1
			fi
			POSTGRES_PASSWORD=unused
		fi
		(init_database "$@")
	fi
	# Upstream's sample configuration has listen_addresses='*'; a command line may still say otherwise.
	exec postgres -c 'listen_addresses=*' "$@"
}

# sql TEXT: TEXT as a literal.
sql() {
	local quote="'" text=${1//\\/\\\\}
	printf "'%s'" "${text//$quote/$quote$quote}"
}

# What upstream's image does with an empty data folder, and its variables of the same names.
start_mariadb() {
	local data=/var/lib/mysql
	if [ "$(id -u)" = 0 ]; then
		give mysql "$data" /run/mysqld
		as_user mysql "$0" mariadbd "$@"
	fi
	if [ ! -d "$data/mysql" ]; then
		mariadb-install-db --datadir="$data" --auth-root-authentication-method=normal --skip-test-db >/dev/null
		{ # one statement a line
			echo "DELETE FROM mysql.global_priv WHERE User = 'root' AND Host <> 'localhost';" # they have no password
			echo "FLUSH PRIVILEGES;"
			echo "CREATE USER root@'%' IDENTIFIED BY $(sql "$MARIADB_ROOT_PASSWORD");"
			echo "GRANT ALL ON *.* TO root@'%' WITH GRANT OPTION;"
			echo "CREATE DATABASE \`$MARIADB_DATABASE\`;"
			echo "CREATE USER $(sql "$MARIADB_USER")@'%' IDENTIFIED BY $(sql "$MARIADB_PASSWORD");"
			echo "GRANT ALL ON \`$MARIADB_DATABASE\`.* TO $(sql "$MARIADB_USER")@'%';"
		} >/tmp/init.sql
		set -- --init-file=/tmp/init.sql "$@"
	fi
	exec mariadbd --bind-address=0.0.0.0 --skip-name-resolve "$@"
}

start_redis() {
	give redis /data
	cd /data
	# Upstream is compiled with protected mode off.
	as_user redis redis-server "$@" --protected-mode no
}

# `docker run IMAGE`, `docker run IMAGE --flag` and `docker run IMAGE server --flag` all mean the server.
if [ $# = 0 ] || [ "${1#-}" != "$1" ]; then set -- "$SERVER" "$@"; fi

name=$1
shift
case $name in
postgres) start_postgres "$@" ;;
redis | redis-server) start_redis "$@" ;;
mariadb | mariadbd) start_mariadb "$@" ;;
nginx) exec nginx -g 'daemon off;' "$@" ;;
haproxy) as_user haproxy haproxy -W -db -f /usr/local/etc/haproxy/haproxy.cfg "$@" ;;
prometheus) as_user prometheus prometheus "$@" ;;
pgbouncer) as_user postgres pgbouncer /etc/pgbouncer/pgbouncer.ini "$@" ;;
busybox) exec sh "$@" ;;
*) exec "$name" "$@" ;;
esac
