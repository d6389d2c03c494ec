#!/bin/sh
# Stands for the application's migrator. With --check, exit code 0 says that nothing is pending.
set -eu
query() { psql "$(cat "$DATABASE_URL_FILE")" --no-psqlrc --quiet --tuples-only --no-align -v ON_ERROR_STOP=1 -c "$1"; }
if [ "${1-}" = --check ]; then
	[ "$(query "SELECT to_regclass('agents') IS NOT NULL")" = t ]
	exit
fi
query 'CREATE TABLE agents (id int)'
query 'INSERT INTO agents VALUES (1)'
