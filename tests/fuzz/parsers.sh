#!/bin/sh
# parsers.sh [NAME...] - build the fuzzers of our parsers (fuzz_NAME.c) with clang's sanitizers, replay seeds/NAME, then let each look
# for FUZZ_EACH seconds, as many at once as there are cores. What it learns stays in the build directory for the next time; a
# finding becomes a seed when it is put right. FUZZ_SEED makes two searches the same. Prints the executions of each and their sum.
set -eu
cd "$(dirname "$0")/../.."
F="${B:-build}/fuzz"
mkdir -p "${B:-build}"

# one NAME: its seeds, then the search. Without FUZZ_EACH the search is the same in each run: a test that fails sometimes
# tells nobody anything.
one() {
	fuzzer="$F/tests/fuzz/fuzz_$1" seeds="tests/fuzz/seeds/$1" learned="$F/learned/$1" seed=${FUZZ_SEED:-0}
	[ -n "${FUZZ_EACH:-}" ] || { learned="$F/run/$1" seed=1; }
	mkdir -p "$learned"
	"$fuzzer" -runs=0 -artifact_prefix="$F/found/$1-" "$seeds" &&
		"$fuzzer" -seed="$seed" -max_total_time="${FUZZ_EACH:-2}" -max_len=4096 -timeout=10 -rss_limit_mb=2048 \
			-print_final_stats=1 -artifact_prefix="$F/found/$1-" "$learned" "$seeds"
}
if [ "${1:-}" = --one ]; then
	one "$2" >"$F/run/$2.log" 2>&1 || { echo "$2" >>"$F/run/failed"; grep -v '^#' "$F/run/$2.log" | tail -n 60; }
	exit 0
fi

env -u MAKEFLAGS -u MAKELEVEL make --no-print-directory -j"$(nproc)" B="$F" CC=clang \
	SANITIZE=address,undefined,fuzzer-no-link OPT='-O1 -g' fuzzers >"$F.log" 2>&1 || { cat "$F.log"; exit 1; }
rm -rf "$F/run"
mkdir -p "$F/run" "$F/found"
for source in tests/fuzz/fuzz_*.c; do
	name=$(basename "$source" .c)
	name=${name#fuzz_}
	[ -d "tests/fuzz/seeds/$name" ] || { echo "fuzz: $source has no seeds"; exit 1; }
	every="${every:-} $name"
done
# shellcheck disable=SC2086 # one word a parser
[ $# -gt 0 ] || set -- $every
printf '%s\n' "$@" | xargs -P "$(nproc)" -n 1 "$0" --one
sum=0
for name; do
	n=$(sed -n 's/^stat::number_of_executed_units: *//p' "$F/run/$name.log")
	printf 'fuzz %-8s %10s executions, %s seeds\n' "$name" "${n:-?}" "$(find "tests/fuzz/seeds/$name" -type f | wc -l)"
	sum=$((sum + ${n:-0}))
done
echo "fuzz: $# parsers, $sum executions$([ ! -e "$F/run/failed" ] || echo ", FAILED: $(tr '\n' ' ' <"$F/run/failed")")"
[ ! -e "$F/run/failed" ]
