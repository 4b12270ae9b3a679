# shellcheck shell=bash disable=SC2317 # command_NAME and prepare_NAME are called by name
# stack.sh - the programs of one Portico on one machine, as shell functions that run.sh reads.
#
# One state directory is one instance; instances share nothing. The supervisor is the shell that reads this file, in the
# state directory and as the user that owns it; its descriptor 9 holds the lock. It starts programs with `start`, looks
# after them with `tend`, and stops them with `stop_all`. Every program leads its own session, so that Ctrl-C reaches the
# supervisor alone and the order of the stop is ours. What a killed supervisor left behind is found by its pid files, and
# is ours only if /proc says that it runs from our directory.

PGBIN=${PGBIN:-/usr/lib/postgresql/15/bin}
ORDER=(edge api mailer catcher redis postgres) # the order of the stop
declare -A PID=() SINCE=() FAILS=() DUE=()

say() {
	printf '%s\n' "$*" >&2
}

die() {
	say "portico: $*"
	exit 1
}

now_ms() {
	local t=${EPOCHREALTIME/[.,]/}
	NOW=${t%???}
}

# A signal only leaves a note: bash 5.2 may crash when a trap leaves `read` by `exit`.
STOP=

# Wait without a process: nobody writes into this pipe.
exec {TICK}<> <(:)
nap() {
	read -rt "$1" -u "$TICK" _ || :
}

# Set PORT_R to the port asked for if it is free, else to one that is.
free_port() {
	local port=$1 tries=0
	while [ "$port" = 0 ] || (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; do
		port=$((RANDOM % 12000 + 20000))
		[ $((tries += 1)) -lt 200 ] || die "no free port"
	done
	# shellcheck disable=SC2034 # the caller reads it
	PORT_R=$port
}

# Set RUN to the directory of the UNIX sockets, whose paths may have 107 bytes.
choose_run() {
	local link=$STATE/run
	if [ ${#STATE} -le 80 ]; then
		mkdir -p "$link"
	elif [ ! -d "$link" ] || [ ! -O "$link/" ]; then
		rm -f "$link"
		ln -s "$(mktemp -d /tmp/portico.XXXXXXXX)" "$link"
	fi
	RUN=$(readlink -f "$link")
	chmod 0700 "$RUN"
}

# ---- programs --------------------------------------------------------------------------------------------------

# ours PID: does that process run from this instance?
ours() {
	local what
	what=$({ readlink "/proc/$1/exe" "/proc/$1/cwd"; tr '\0' '\n' <"/proc/$1/cmdline"; } 2>/dev/null) || :
	[[ "$what" == *"$STATE"* || "$what" == *"$RUN"* ]]
}

pid_file() {
	if [ -n "${2:-}" ]; then
		echo "$2" >"$STATE/.$1.pid" && mv "$STATE/.$1.pid" "$STATE/$1.pid"
	else
		rm -f "$STATE/$1.pid"
	fi
}

# command_NAME sets CMD, the program's command line; prepare_NAME, if there is one, runs before each start.
start() {
	local name=$1 CMD=()
	"command_$name"
	! declare -F "prepare_$name" >/dev/null || "prepare_$name"
	(
		exec 9<&- {TICK}>&-
		exec setsid env --default-signal=INT,QUIT,PIPE "${CMD[@]}"
	) </dev/null >>"$STATE/logs/$name.log" 2>&1 &
	PID[$name]=$!
	now_ms
	SINCE[$name]=$NOW
	unset "DUE[$name]"
	pid_file "$name" "${PID[$name]}"
}

# Notice what died, and start it again after 0.2 s, doubled up to 2 s while it goes on dying within 10 s.
tend() {
	local name wait_ms
	now_ms
	for name in "${!PID[@]}"; do
		kill -0 "${PID[$name]}" 2>/dev/null && continue
		wait "${PID[$name]}" 2>/dev/null
		say "portico: $name (pid ${PID[$name]}) ended with status $?"
		pid_file "$name"
		sweep_group "${PID[$name]}"
		[ $((NOW - SINCE[$name])) -lt 10000 ] || FAILS[$name]=0
		FAILS[$name]=$((${FAILS[$name]:-0} + 1))
		wait_ms=$((FAILS[$name] < 4 ? 200 << (FAILS[$name] - 1) : 2000))
		DUE[$name]=$((NOW + (wait_ms < 2000 ? wait_ms : 2000)))
		unset "PID[$name]"
	done
	for name in "${!DUE[@]}"; do
		[ "$NOW" -lt "${DUE[$name]}" ] || start "$name"
	done
}

# await WHAT NAME SECONDS COMMAND...: until the command succeeds, tending meanwhile. A program that dies five times
# before the first success is not going to get better: its last words are shown, and the run ends.
await() {
	local what=$1 name=$2 limit=$((SECONDS + $3)) n
	shift 3
	until "$@" >/dev/null 2>&1; do
		[ -z "$STOP" ] || exit 0
		tend
		for n in "${!FAILS[@]}"; do
			[ "${FAILS[$n]}" -lt 5 ] || give_up "$n" "does not stay up"
		done
		[ $SECONDS -lt $limit ] || give_up "$name" "$what: not within the time"
		nap 0.02
	done
	FAILS[$name]=0
}

give_up() {
	say "portico: $1: $2; the end of $STATE/logs/$1.log:"
	tail -n 20 "$STATE/logs/$1.log" >&2
	exit 1
}

# Members of a dead program's session that are still there (workers, backends) end with it.
sweep_group() {
	local p
	for p in $(pgrep -s "$1"); do
		! ours "$p" || kill -KILL "$p" 2>/dev/null
	done
}

# end PID SIGNAL SECONDS: ask, wait, insist.
end() {
	local pid=$1 limit=$((SECONDS + $3))
	kill "-$2" "$pid" 2>/dev/null || :
	while kill -0 "$pid" 2>/dev/null && [ "$(ps -o stat= -p "$pid" | cut -c1)" != Z ]; do
		[ $SECONDS -lt $limit ] || kill -KILL "$pid" 2>/dev/null
		nap 0.02
	done
	sweep_group "$pid"
}

end_program() {
	case $1 in
	edge) end "$2" QUIT 5 ;;
	postgres) end "$2" INT 30 ;;
	*) end "$2" TERM 10 ;;
	esac
	pid_file "$1"
}

stop_all() {
	local name
	for name in "${ORDER[@]}"; do
		[ -z "${PID[$name]:-}" ] || end_program "$name" "${PID[$name]}"
		unset "PID[$name]" "DUE[$name]"
	done
}

# End what an earlier supervisor, killed, left behind.
sweep_leftovers() {
	local name pid
	for name in "${ORDER[@]}"; do
		pid=$(cat "$STATE/$name.pid" 2>/dev/null) || continue
		if [ -n "$pid" ] && ours "$pid"; then
			say "portico: ending $name (pid $pid) of an earlier run"
			end_program "$name" "$pid"
		else
			[ -z "$pid" ] || sweep_group "$pid"
			pid_file "$name"
		fi
	done
}

# ---- PostgreSQL ------------------------------------------------------------------------------------------------

make_cluster() {
	[ -e "$STATE/postgres/PG_VERSION" ] && return 0
	rm -rf "$STATE/postgres" "$STATE/postgres.new"
	"$PGBIN/initdb" -D "$STATE/postgres.new" -U postgres -E UTF8 --locale=C.UTF-8 --data-checksums \
		--auth-local=trust --auth-host=reject >>"$STATE/logs/postgres.log" 2>&1 || give_up postgres "initdb failed"
	mv "$STATE/postgres.new" "$STATE/postgres"
}

# A pid file whose number now belongs to some other program (after a reboot, say) would keep the server from starting.
# It goes only when no process works in the cluster: it is also what holds a new server off the old one's backends.
prepare_postgres() {
	local pid cwd
	pid=$(head -n 1 "$STATE/postgres/postmaster.pid" 2>/dev/null) || return 0
	kill -0 "$pid" 2>/dev/null || return 0
	for cwd in /proc/[0-9]*/cwd; do
		[ "$(readlink "$cwd")" != "$STATE/postgres" ] || return 0
	done
	rm -f "$STATE/postgres/postmaster.pid" "$RUN"/.s.PGSQL.*
}

command_postgres() {
	CMD=("$PGBIN/postgres" -D "$STATE/postgres" -k "$RUN" -p 5432
		-c listen_addresses= -c unix_socket_permissions=0700 -c max_connections=200 -c timezone=UTC
		-c log_timezone=UTC -c "log_line_prefix=%m [%p] %u " -c jit=off)
}

# The roles and the database; all may be there.
make_database() {
	"$PGBIN/psql" -qX -v ON_ERROR_STOP=1 -h "$RUN" -p 5432 -U postgres -d postgres >>"$STATE/logs/postgres.log" 2>&1 <<-'SQL'
		select format('create role %I login %s', r, case r when 'portico_owner' then 'bypassrls' end)
		from unnest(array['portico_owner', 'portico_api', 'portico_relay', 'portico_mailer', 'portico_janitor']) r
		where not exists (select from pg_roles where rolname = r) \gexec
		select 'create database portico owner portico_owner'
		where not exists (select from pg_database where datname = 'portico') \gexec
	SQL
}

start_postgres() {
	make_cluster
	start postgres
	await "PostgreSQL" postgres 60 "$PGBIN/pg_isready" -q -h "$RUN" -p 5432 -U postgres -d postgres
	make_database || give_up postgres "cannot make the roles and the database"
}

# ---- Redis, mailer, API, edge, catcher ---------------------------------------------------------------------------

command_redis() {
	CMD=(redis-server --port 0 --unixsocket "$RUN/redis.sock" --unixsocketperm 700 --dir "$STATE/redis"
		--appendonly yes --save "" --maxmemory-policy noeviction --daemonize no --logfile "")
}

await_redis() {
	await "Redis" redis 30 redis-cli -s "$RUN/redis.sock" ping
}

command_mailer() {
	CMD=("$STATE/app/portico-mailer")
}

command_api() {
	CMD=("$STATE/app/portico-api")
}

prepare_api() {
	rm -f "$RUN/api.sock"
}

command_edge() {
	CMD=(nginx -p "$STATE/edge/" -c "$STATE/edge/nginx.conf" -e "$STATE/logs/edge.log")
}

# What a killed nginx leaves: a socket that it would not replace, and bodies that nobody will finish.
prepare_edge() {
	rm -f "$RUN/edge-store.sock"
	find "$PORTICO_SPOOL_DIR" -type f -delete
}

# Fill in the templates of api/edge.
configure_edge() {
	local f
	for f in app/edge/*.in; do
		# shellcheck disable=SC2153,SC2086 # the store is not the state; each proxy is a word
		sed -e "s|@STATE@|$STATE|g" -e "s|@RUN@|$RUN|g" -e "s|@SOCKET@|$PORTICO_SOCKET|g" \
			-e "s|@PAGES@|$STATE/app/pages|g" -e "s|@SPOOL@|$PORTICO_SPOOL_DIR|g" \
			-e "s|@STORE@|$PORTICO_STORE_DIR|g" -e "s|@PORT@|$PORTICO_HTTP_PORT|g" \
			-e "s|@WORKERS@|${PORTICO_WORKERS:-$(nproc)}|g" -e "s|@PUBLIC_URL@|${PORTICO_PUBLIC_URL%/}|g" \
			-e "s|@CORS_ORIGINS@|${PORTICO_CORS_ORIGINS:-}|g" \
			-e "s|@PROXIES@|$(printf 'set_real_ip_from %s; ' unix: ${EDGE_PROXIES:-})|g" \
			-e "s|@RATE@|${EDGE_RATE:-200}|g" -e "s|@AUTH_RATE@|${EDGE_AUTH_RATE:-10}|g" "$f" >"edge/$(basename "$f" .in)"
	done
}

command_catcher() {
	CMD=(node "$CATCHER/node_modules/maildev/bin/maildev" --ip 127.0.0.1 --smtp "$CATCHER_SMTP" --web "$CATCHER_WEB"
		--web-ip 127.0.0.1 --mail-directory "$STATE/catcher")
}

# ---- settings --------------------------------------------------------------------------------------------------

# setting NAME DEFAULT: exported; what the environment says (also as NAME_FILE) wins.
setting() {
	local file=$1_FILE
	[ -n "${!file:-}" ] || export "$1=${!1-$2}"
}

# secret_file NAME FILE: a secret made once, kept in a file that only the user can read.
secret_file() {
	local file=$1_FILE
	[ -z "${!1:-}" ] && [ -z "${!file:-}" ] || return 0
	[ -s "$2" ] || (umask 077 && od -An -N32 -tx1 /dev/urandom | tr -d ' \n' >"$2")
	export "$file=$STATE/$2"
}

data_settings() {
	local role
	for role in API RELAY MAILER JANITOR OWNER; do
		setting "PORTICO_${role}_DATABASE" "host=$RUN port=5432 dbname=portico user=portico_${role,,}"
	done
	setting PORTICO_REDIS_URL "unix:$RUN/redis.sock"
	setting PORTICO_SOCKET "$RUN/api.sock"
	setting PORTICO_STORE_DIR "$STATE/store"
	setting PORTICO_SPOOL_DIR "$STATE/spool"
	setting PORTICO_SCHEMA_DIR "$STATE/app/schema"
	setting PORTICO_OPENAPI "$STATE/app/openapi.json"
	setting PORTICO_TEST_MODE 1
	setting PORTICO_MAIL_FROM no-reply@portal.example
	secret_file PORTICO_SECRET_KEY secret-key
	export PORTICO_STATE_DIR=$STATE
	[ "$PORTICO_TEST_MODE" != 1 ] || clock_file
}

clock_file() {
	setting PORTICO_CLOCK_FILE "$STATE/clock"
	[ -s "$PORTICO_CLOCK_FILE" ] || head -c 8 /dev/zero >"$PORTICO_CLOCK_FILE"
}

# Everything the programs are started with, for `set -a; . var/env`.
write_env() {
	local name
	(
		umask 077
		for name in "${!PORTICO_@}"; do
			printf "%s='%s'\n" "$name" "${!name//\'/\'\\\'\'}"
		done
		printf "PGHOST='%s'\nPGPORT=5432\nPGDATABASE=portico\nPGUSER=portico_owner\n" "$RUN"
	) >.env
	chmod 0600 .env && mv .env env
}

migrate() {
	"$STATE/app/porticoctl" migrate >>"$STATE/logs/migrate.log" 2>&1 || give_up migrate "the migration failed"
}
