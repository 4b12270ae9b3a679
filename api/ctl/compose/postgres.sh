#!/bin/bash
# postgres.sh - PostgreSQL on a UNIX socket, each role by its own password; the cluster is made at the first start.
set -eu
bin=/usr/lib/postgresql/15/bin
data=/var/lib/portico-postgres/15
private=$(mktemp -d)

# The owner of everything cannot sign in; the operator's role becomes it (`role` in its connection).
roles() {
	local role
	echo "create role portico_owner nologin bypassrls createrole;"
	for role in api relay mailer janitor operator; do
		echo "create role portico_$role login noinherit password '$(cat "/secrets/postgres/$role")';"
	done
	echo "grant portico_owner to portico_operator;"
	echo "create database portico owner portico_owner;"
	echo "grant connect on database portico to portico_operator;" # the schema takes it from everybody else
}

if [ ! -e "$data/PG_VERSION" ]; then
	rm -rf "$data.new"
	$bin/initdb -D "$data.new" -U postgres -E UTF8 --locale=C.UTF-8 --data-checksums --auth-local=peer --auth-host=reject
	printf 'local all postgres peer\nlocal portico all scram-sha-256\n' >"$data.new/pg_hba.conf"
	$bin/pg_ctl -D "$data.new" -w -o "-k $private -c listen_addresses=" start
	roles | psql -qX -v ON_ERROR_STOP=1 -h "$private" -d postgres
	$bin/pg_ctl -D "$data.new" -w stop
	mv "$data.new" "$data"
fi
rm -rf "$private"
exec $bin/postgres -D "$data" -k /run/postgresql -c listen_addresses= -c max_connections=200 -c timezone=UTC -c jit=off
