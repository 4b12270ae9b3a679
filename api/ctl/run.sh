#!/bin/bash
# run.sh [--no-build] [--data] - start all of Portico on this machine, in the foreground; `make run` calls it.
#
# Installs missing packages, builds, keeps everything it writes in PORTICO_STATE_DIR (var), prints one line
# `ready http://127.0.0.1:PORT` on standard output when all is up, restarts what dies, and stops everything on
# INT or TERM. Its own messages go to standard error, those of the programs to STATE/logs.
#
#	--no-build	the programs in B (build) are taken as they are
#	--data		PostgreSQL and Redis alone, migrated, for tests; the line is `ready STATE`
#	PORTICO_HTTP_PORT=0 takes a free port; EDGE_RATE (200) and EDGE_AUTH_RATE (10) are what one address may ask a second;
#	EDGE_PROXIES: addresses and blocks of what stands before the edge and tells the client's in X-Forwarded-For
#
# It has two lives. The first, with the caller's rights, installs, builds, and lays what the programs are and read into
# STATE/app, so that an instance depends neither on the checkout's permissions nor on what is built there meanwhile. The
# second, as the user `portico` when the first was root, is STATE/app/ctl/run.sh: the supervisor.
set -u
umask 022
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)
# shellcheck source=api/ctl/stack.sh
. "$here/stack.sh"

# ---- first life: the checkout, the caller's rights ---------------------------------------------------------------

AS=()

# as COMMAND...: run it as the user that will own the instance.
as() {
	"${AS[@]}" "$@"
}

build() {
	.ci/deps build run || die "packages are missing"
	mkdir -p "$B"
	(
		exec 8<"$B" && flock 8
		exec env -u MAKEFLAGS -u MAKELEVEL make --no-print-directory -j"$(nproc)" B="$B" all >&2
	) || die "the build failed"
}

# The mail catcher is an npm package, pinned by the lock file beside its package.json.
install_catcher() {
	local dir=api/ctl/catcher
	[ "$dir/node_modules/.package-lock.json" -nt "$dir/package-lock.json" ] && return 0
	say "installing the mail catcher"
	(
		exec 8<"$dir" && flock 8 && cd "$dir" &&
			npm ci --omit=dev --no-audit --no-fund --loglevel=error >&2 && touch node_modules/.package-lock.json
	) || die "npm ci failed in $dir"
}

# Root drops to the system user `portico`; anybody else stays.
choose_user() {
	[ "$(id -u)" = 0 ] || return 0
	id -u portico >/dev/null 2>&1 ||
		useradd --system --user-group --home-dir /var/lib/portico --shell /usr/sbin/nologin portico
	install -d -o portico -g portico -m 0755 /var/lib/portico
	AS=(setpriv --reuid=portico --regid=portico --clear-groups --no-new-privs --)
}

# Set STATE to the real path of the state directory, made if need be. One that the user cannot reach lives under
# /var/lib/portico instead, and a link stands in its place.
choose_state() {
	local want=$1
	[ -e "$want" ] || rm -f "$want"
	mkdir -p "$want" || die "cannot make $want"
	if [ ! -L "$want" ] && ! as test -x "$(dirname "$(readlink -f "$want")")"; then
		rmdir "$want" 2>/dev/null || die "$want: the user portico cannot reach it, and it is not empty"
		ln -s "$(as mktemp -d /var/lib/portico/XXXXXXXX)" "$want"
	fi
	STATE=$(readlink -f "$want")
	case $STATE in
	*[!A-Za-z0-9._/+-]*) die "$STATE: a state directory's path holds letters, digits and ._/+- only" ;;
	esac
	[ ${#AS[@]} = 0 ] || chown portico:portico "$STATE"
	chmod 0700 "$STATE"
	exec 9<"$STATE"
	flock -n 9 || { [ -e "$STATE/.stopping" ] && flock -w 60 9; } || die "another supervisor runs in $STATE"
}

# lay DIR NAME...: copy those that exist from DIR into STATE/app. The user writes them, so that root is never led astray.
lay() {
	local from=$1 name names=()
	shift
	for name; do
		[ ! -e "$from/$name" ] || names+=("$name")
	done
	[ ${#names[@]} = 0 ] || tar -C "$from" --mode=u+rwX,go=rX -cf - "${names[@]}" | as tar -C "$STATE/app" -xf - --no-same-owner
}

lay_app() {
	local app=$STATE/app catcher=api/ctl/catcher/node_modules/.package-lock.json
	as mkdir -p "$app"
	as rm -rf "$app/schema" "$app/edge" "$app/pages" "$app/ctl"
	as mkdir "$app/ctl"
	lay "$B" portico-api portico-mailer porticoctl openapi.json pages
	lay . schema
	lay api edge/nginx.conf.in
	lay api ctl/run.sh ctl/stack.sh ctl/demo_lines.py
	[ -n "${PORTICO_SMTP_URL:-}${PORTICO_SMTP_URL_FILE:-}" ] || [ ! -e $catcher ] || cmp -s $catcher "$app/catcher/${catcher#*catcher/}" || {
		as rm -rf "$app/catcher"
		lay api/ctl catcher
	}
}

checkout_life() {
	local state=${PORTICO_STATE_DIR:-$here/../../var} mode=--supervise B=${B:-build} building=1 arg
	for arg; do
		case $arg in
		--no-build) building= ;;
		--data) mode=--supervise-data ;;
		*) die "usage: run.sh [--no-build] [--data]" ;;
		esac
	done
	case $state in /*) ;; *) state=$PWD/$state ;; esac
	cd "$here/../.." || exit 1
	[ -z "$building" ] || build
	[ $mode = --supervise-data ] || [ -n "${PORTICO_SMTP_URL:-}${PORTICO_SMTP_URL_FILE:-}" ] || install_catcher
	choose_user
	choose_state "$state"
	lay_app
	cd "$STATE" || exit 1
	export HOME=$STATE PORTICO_STATE_DIR=$STATE
	# A caller that ignores INT, as a shell does for what it starts with 	exec "${AS[@]}" bash "$STATE/app/ctl/run.sh" $mode, must not make us deaf.
	exec "${AS[@]}" env --default-signal=INT,TERM bash "$STATE/app/ctl/run.sh" $mode
}

# ---- second life: the instance, its owner's rights ---------------------------------------------------------------

# The catcher takes the mail, unless PORTICO_SMTP_URL names another server.
choose_catcher() {
	CATCHER=
	[ -z "${PORTICO_SMTP_URL:-}${PORTICO_SMTP_URL_FILE:-}" ] || return 0
	CATCHER=$STATE/app/catcher
	free_port 1025
	CATCHER_SMTP=$PORT_R
	free_port 1080
	CATCHER_WEB=$PORT_R
	mkdir -p catcher
	export PORTICO_SMTP_URL=smtp://127.0.0.1:$CATCHER_SMTP
}

settings() {
	local port=${PORTICO_HTTP_PORT:-8080}
	free_port "$port"
	[ "$port" = 0 ] || [ "$PORT_R" = "$port" ] || die "port $port is taken: set PORTICO_HTTP_PORT"
	export PORTICO_HTTP_PORT=$PORT_R
	setting PORTICO_PUBLIC_URL "http://127.0.0.1:$PORTICO_HTTP_PORT"
	setting PORTICO_DEMO 1
	[ "$PORTICO_DEMO" = 1 ] || secret_file PORTICO_SETUP_TOKEN setup-token
	data_settings
	choose_catcher
	write_env
}

load_demo() {
	[ "$PORTICO_DEMO" = 1 ] && [ ! -s demo.json ] || return 0
	(umask 077 && app/porticoctl demo >>logs/demo.log 2>&1) || give_up demo "the demo firm could not be loaded"
	chmod 0600 demo.json
}

# Addresses and credentials, for whoever reads the terminal.
introduce() {
	echo "portal    $PORTICO_PUBLIC_URL"
	echo "API page  $PORTICO_PUBLIC_URL/docs"
	[ -z "$CATCHER" ] || echo "mail      http://127.0.0.1:$CATCHER_WEB"
	echo "state     $STATE (logs, env)"
	if [ "$PORTICO_DEMO" = 1 ]; then
		/usr/bin/python3 app/ctl/demo_lines.py demo.json
	else
		echo "setup     POST /v1/setup with the token in $STATE/setup-token"
	fi
}

healthy() {
	curl -fsS -m 2 -o /dev/null "http://127.0.0.1:$PORTICO_HTTP_PORT/healthz"
}

start_programs() {
	[ -z "$CATCHER" ] || start catcher
	start redis
	start_postgres
	migrate
	load_demo
	configure_edge
	start mailer
	start api
	start edge
	await_redis
	[ -z "$CATCHER" ] || await "the mail catcher" catcher 30 curl -fsS -m 2 -o /dev/null "http://127.0.0.1:$CATCHER_WEB/healthz"
	await "the API behind the edge" api 60 healthy
	introduce
	echo "ready http://127.0.0.1:$PORTICO_HTTP_PORT"
}

start_data() {
	start redis
	start_postgres
	[ ! -x app/porticoctl ] || migrate
	await_redis
	echo "ready $STATE"
}

# supervise SETTINGS START: until INT or TERM.
supervise() {
	ulimit -c 0
	ulimit -n 65536 2>/dev/null || ulimit -n "$(ulimit -Hn)" 2>/dev/null || :
	STATE=$PWD
	rm -f .stopping
	mkdir -p logs store/incoming store/blobs spool edge redis
	choose_run
	sweep_leftovers
	"$1"
	trap 'trap "" INT TERM; : >.stopping; stop_all' EXIT
	trap 'STOP=1' INT TERM
	"$2"
	while [ -z "$STOP" ]; do
		nap 0.1
		tend
	done
}

data_only() {
	setting PORTICO_PUBLIC_URL http://127.0.0.1:8080
	setting PORTICO_SMTP_URL smtp://127.0.0.1:9
	data_settings
	write_env
}

case ${1:-} in
--supervise) supervise settings start_programs ;;
--supervise-data) supervise data_only start_data ;;
*) checkout_life "$@" ;;
esac
