#!/bin/bash
# private.sh [--stack] COMMAND... - run the command beside private servers, stopped when it ends.
#
# PostgreSQL and Redis alone, migrated, or with --stack all of Portico. The command finds every setting in its environment
# (PORTICO_*, PGHOST and so on; PORTICO_PUBLIC_URL is the stack's address), and everything else in PORTICO_STATE_DIR.
# Its exit status is ours; the servers' logs are shown when it is not 0.
set -u
cd "$(dirname "$0")/.." || exit 1
mode=--data
[ "${1:-}" != --stack ] || { mode='' && shift; }

dir=$(mktemp -d /tmp/portico-test.XXXXXX)
chmod 0755 "$dir"
: >"$dir/out"
# shellcheck disable=SC2317 # the trap calls it
stop() {
	kill "$supervisor" 2>/dev/null
	wait "$supervisor" 2>/dev/null
	rm -rf "$dir"
}
trap stop EXIT
trap 'exit 1' INT TERM

PORTICO_STATE_DIR=$dir/state PORTICO_HTTP_PORT=${PORTICO_HTTP_PORT:-0} \
	api/ctl/run.sh --no-build $mode >"$dir/out" 2>"$dir/err" </dev/null &
supervisor=$!
until grep -q '^ready ' "$dir/out"; do
	kill -0 "$supervisor" 2>/dev/null || { cat "$dir/err" >&2; exit 1; }
	sleep 0.05
done

set -a
# shellcheck source=/dev/null
. "$dir/state/env"
set +a
"$@"
status=$?
[ "$status" = 0 ] || tail -n 15 "$dir/err" "$dir"/state/logs/*.log >&2
exit "$status"
