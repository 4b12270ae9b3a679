#!/bin/sh
# suite.sh SUITE [PROGRAM...] - run one suite of tests: tests/SUITE/run.sh if there is one, else each program and each
# executable script tests/SUITE/*.sh.
# B is the build directory. Prints each runner's own closing lines; fails if one failed.
set -u
cd "$(dirname "$0")/.." || exit 1
suite=$1
shift
export B="${B:-build}"

echo "== $suite"
if [ -x "tests/$suite/run.sh" ]; then
	"tests/$suite/run.sh" "$@" || { echo "== $suite: FAILED"; exit 1; }
	exit 0
fi
failed=
for program in "$@" "tests/$suite"/*.sh; do
	[ -x "$program" ] || continue
	"$program" </dev/null || failed="$failed ${program##*/}"
done
[ -z "$failed" ] || { echo "== $suite: FAILED:$failed"; exit 1; }
