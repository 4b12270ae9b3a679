#!/bin/sh
# suite.sh SUITE [PROGRAM...] - run one suite of tests: tests/SUITE/run.sh if there is one, else each program and
# tests/SUITE/*.test.mjs by Node's runner; then, in both cases, the other executable scripts tests/SUITE/*.sh.
# B is the build directory; its file `suites` gets a line. Prints what the runners print; fails if one failed, or did not
# end in SUITE_SECONDS (0: no limit), for a test that hangs is a defect and not a wait.
set -u
cd "$(dirname "$0")/.." || exit 1
suite=$1
shift
export B="${B:-build}"
failed=
began=$(date +%s)

# attempt NAME COMMAND...
attempt() {
	name=$1
	shift
	timeout -k 60 "${SUITE_SECONDS:-900}" "$@" </dev/null &
	running=$!
	wait $running
	case $? in
	0) ;;
	124 | 137) failed="$failed $name(too-long)" ;;
	*) failed="$failed $name" ;;
	esac
}
# timeout(1) leads a process group of its own, which the terminal's Ctrl-C does not reach.
trap 'kill $running; wait $running; exit 130' INT TERM

echo "== $suite"
if [ -x "tests/$suite/run.sh" ]; then
	attempt run.sh "tests/$suite/run.sh" "$@"
else
	for program; do
		attempt "${program##*/}" "$program"
	done
	# the mailer's files have servers of their own and mostly wait for pauses to end
	at_once=1
	[ "$suite" != mailer ] || at_once=3
	set -- "tests/$suite"/*.test.mjs
	[ ! -e "$1" ] || attempt "*.test.mjs" node --test --test-concurrency=$at_once "$@"
fi
for script in "tests/$suite"/*.sh; do
	[ ! -x "$script" ] || [ "${script##*/}" = run.sh ] || attempt "${script##*/}" "$script"
done
result="passed"
[ -z "$failed" ] || result="FAILED:$failed"
echo "== $suite: $result ($(($(date +%s) - began)) s)" | tee -a "$B/suites"
[ -z "$failed" ]
