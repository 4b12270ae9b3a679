#!/bin/bash
# readme.sh [run] - the README's session, pasted into a shell beside a private Portico: what a reader does by hand must work as it
# stands. With `run` beside the Portico that $portico, $demo and $outbox name.
set -uo pipefail
cd "$(dirname "$0")/../.." || exit 1

session() {
	awk '/^```sh$/ { inside = 1; next } /^```/ { inside = 0 } inside' README.md
}

case ${1:-} in
run) ;;
inside) export portico=$PORTICO_PUBLIC_URL demo=$PORTICO_STATE_DIR/demo.json ;;
*) exec tests/private.sh --stack "$0" inside ;;
esac
said=$(session | bash -euo pipefail)
status=$?
want='invited
passport.txt
view
all is well
Acme Ltd'
if [ $status = 0 ] && [ "$said" = "$want" ]; then
	echo "ok 1 - the README's session runs"
	echo "# 1 of 1 passed"
	exit 0
fi
printf 'not ok 1 - the README session ended with %s and said:\n%s\n' $status "$said"
exit 1
