# Sourced before the integration tests: which images of real servers to use. Upstream's where they can be had, else our
# own from Debian packages, all of one make. A variable that is set already stays as it is.
docker info >/dev/null || exit 1
if ! docker image inspect postgres:17-alpine >/dev/null 2>&1 && ! timeout 60 docker pull -q postgres:17-alpine >/dev/null 2>&1; then
	echo 'images: upstream images cannot be pulled; using inith-test/*, made from Debian packages' >&2
	images/make.sh || exit 1
	: "${TEST_IMAGE_POSTGRES:=inith-test/postgres}" "${TEST_IMAGE_REDIS:=inith-test/redis}" "${TEST_IMAGE_NGINX:=inith-test/nginx}"
	: "${TEST_IMAGE_MARIADB:=inith-test/mariadb}" "${TEST_IMAGE_PROMETHEUS:=inith-test/prometheus}"
	: "${TEST_IMAGE_HAPROXY:=inith-test/haproxy}" "${TEST_IMAGE_PGBOUNCER:=inith-test/pgbouncer}" "${TEST_IMAGE_BUSYBOX:=inith-test/busybox}"
	export TEST_IMAGE_POSTGRES TEST_IMAGE_MARIADB TEST_IMAGE_REDIS TEST_IMAGE_NGINX TEST_IMAGE_HAPROXY TEST_IMAGE_PGBOUNCER \
		TEST_IMAGE_PROMETHEUS TEST_IMAGE_BUSYBOX
	# Servers that need no more than their package: the tests say how they are started.
	for server in RABBITMQ NATS MOSQUITTO MEMCACHED ETCD SLAPD DNSMASQ CLICKHOUSE INFLUXDB KCAT ZOOKEEPER FILESYSTEMS; do
		export "TEST_IMAGE_$server=inith-test/busybox"
	done
fi
export TESTCONTAINERS_RYUK_DISABLED=true TESTCONTAINERS_HOST_OVERRIDE=127.0.0.1
