#!/bin/bash
# Makes inith-test/<server>, images of real servers from Debian packages, for places where no registry is reachable.
#
#   ./make.sh            makes what is missing or older than its inputs; well under a second when nothing is to do
#
# One base holds every package (mmdebstrap writes it, docker import reads it); a server is a thin layer over it, so the
# images share their space. Each carries a label with the hash of what it was made from. Needs root, for mmdebstrap.
set -euo pipefail
cd "$(dirname "$0")"

suite=bookworm
label=inith-test.inputs

log() { echo "images: $*" >&2; }
hash_of() { cat "$@" | sha256sum | cut -c1-16; }

# current IMAGE HASH: IMAGE is there and was made from HASH.
current() {
	[ "$(docker image inspect --format "{{index .Config.Labels \"$label\"}}" "$1" 2>/dev/null)" = "$2" ]
}

# The tar archive of a root file system with all packages. Nobody reads documentation in it, and no database may be
# made when a package is installed: the entry script makes one when a container starts, as upstream does. Java's package
# needs a directory for its manual pages, though they are left out.
root_fs() {
	nice mmdebstrap --quiet --mode=root --variant=essential --include="$(paste -sd, packages)" \
		--dpkgopt='path-exclude=/usr/share/doc/*' \
		--dpkgopt='path-exclude=/usr/share/man/*' \
		--dpkgopt='path-exclude=/usr/share/locale/*' \
		--dpkgopt=force-unsafe-io \
		--essential-hook='mkdir -p "$1/etc/postgresql-common" "$1/usr/share/man/man1"' \
		--essential-hook='echo "create_main_cluster = false" >"$1/etc/postgresql-common/createcluster.conf"' \
		--customize-hook='rm -rf "$1"/usr/lib/postgresql/*/lib/bitcode "$1/etc/nginx/sites-enabled/default"' \
		--customize-hook='find "$1/var/lib/mysql" -mindepth 1 -delete' \
		--customize-hook='mkdir -p "$1/data" "$1/docker-entrypoint-initdb.d"' \
		--customize-hook='chroot "$1" sh -c "ln -s /usr/lib/postgresql/*/bin/* /usr/local/bin/"' \
		--customize-hook='chroot "$1" ln -sf /dev/stdout /var/log/nginx/access.log' \
		--customize-hook='chroot "$1" ln -sf /dev/stderr /var/log/nginx/error.log' \
		--customize-hook='echo "server { listen 80; root /usr/share/nginx/html; }" >"$1/etc/nginx/conf.d/default.conf"' \
		"$suite" -
}

make_base() {
	local hash
	hash=$(hash_of packages <(declare -f root_fs) <(echo "$suite"))
	if current inith-test/base "$hash"; then return; fi
	if ! command -v mmdebstrap >/dev/null; then
		log 'installing mmdebstrap'
		apt-get update -qq
		apt-get install -y -qq --no-install-recommends mmdebstrap >/dev/null
	fi
	log 'making inith-test/base, about a minute'
	root_fs | docker import --change "LABEL $label=$hash" - inith-test/base >/dev/null
}

# make_server NAME PORT STOPSIGNAL. One commit takes a second or two where a Dockerfile takes as much for each of its lines,
# if the engine has no overlay file system.
make_server() {
	local base hash container image=inith-test/$1
	base=$(docker image inspect --format '{{.Id}}' inith-test/base)
	hash=$(hash_of entry.sh <(declare -f make_server) <(echo "$base" "$@"))
	if current "$image" "$hash"; then return; fi
	log "making $image"
	container=$(docker create --env SERVER="$1" --expose "$2" --stop-signal "$3" --label "$label=$hash" \
		--entrypoint /usr/local/bin/entry.sh inith-test/base)
	docker cp entry.sh "$container:/usr/local/bin/entry.sh" >/dev/null
	docker commit "$container" "$image" >/dev/null
	docker rm "$container" >/dev/null
}

docker info >/dev/null # ends here, with its reason, where no engine answers
make_base
# Ports and stop signals as upstream has them.
make_server postgres 5432 SIGINT
make_server mariadb 3306 SIGTERM
make_server redis 6379 SIGTERM
make_server nginx 80 SIGQUIT
make_server haproxy 80 SIGUSR1
make_server pgbouncer 5432 SIGINT
make_server busybox 80 SIGTERM
make_server prometheus 9090 SIGTERM
