#!/bin/sh
# Stands for an application as most are: without its servers it does not start.
set -eu
for server in postgres:5432 redis:6379; do
	busybox nc -w 2 "${server%:*}" "${server#*:}" </dev/null >/dev/null || {
		echo "app: no $server" >&2
		exit 1
	}
done
echo "app: started"
exec busybox httpd -f -p 8080 -h /app/www
