#!/bin/bash
# Tests of shared/io/sqlgen.awk: what it makes of statements, and what it refuses. Prints TAP.
# shellcheck disable=SC2016 # $1 and $x$ are SQL
set -u
cd "$(dirname "$0")/../.." || exit 1
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
n=0 failed=0

ok() { # ok NAME STATUS
	n=$((n + 1))
	[ "$2" = 0 ] && echo "ok $n - $1" && return
	echo "not ok $n - $1"
	failed=$((failed + 1))
}

# gen SQL: its header on standard output, without the first lines.
gen() {
	printf '%s\n' "$1" >"$dir/x.sql"
	awk -f shared/io/sqlgen.awk "$dir/x.sql" 2>"$dir/err"
}

# makes NAME SQL TEXT: the one statement in SQL becomes this C text.
makes() {
	local got
	got=$(gen "$2" | sed -n 's/^\t\.text = //p; s/^\t\t"/"/p' | tr -d '\n')
	[ "$got" = "$3" ]
	ok "$1" $?
	[ "$got" = "$3" ] || printf '# want %s\n# got  %s\n' "$3" "$got"
}

# refuses NAME SQL MESSAGE
refuses() {
	! gen "$2" >/dev/null && grep -qF -- "$3" "$dir/err"
	ok "$1" $?
}

makes "a parameter becomes a number, by first appearance" "-- name: a
select :b::int, :a::text, :b" '"select $1::int, $2::text, $1",'
makes "a cast is no parameter" "-- name: a
select x::text, y :: int" '"select x::text, y :: int",'
makes "strings are left alone" "-- name: a
select 'it''s :a', '\\', E'\\':b'" '"select '"'it''s :a', '\\\\', E'\\\\':b'"'",'
makes "quoted names are left alone" '-- name: a
select "a"":b"' '"select \"a\"\":b\"",'
makes "dollar quotes are left alone" '-- name: a
select $x$ :a ; -- no $x$, $$ :b $$' '"select $x$ :a ; -- no $x$, $$ :b $$",'
makes "comments go" "-- name: a
-- why it's so: :a
select 1 -- :b
  , 2 /* :c /* ; */ */;" '"select 1\n""  , 2",'
makes "array brackets hold" "-- name: a
select x[1], :ids::uuid[]" '"select x[1], $1::uuid[]",'

makes "a part stands in for its name" "-- part: shown
-- what is shown
a, :b::int
-- name: a
select {{shown}}, :b from x" '"select a, $1::int, $1 from x",'
refuses "a part that is not there" "-- name: a
select {{shown}}" "no part shown before a"
gen "-- name: one
select :firm::uuid, :after::int
-- name: two
select 1" >"$dir/sql_x.h"
grep -qF '.params = (const char *const[]){"firm", "after"},' "$dir/sql_x.h"
ok "parameters are listed by name" $?
printf 'struct stmt {\n\tconst char *name;\n\tconst char *text;\n\tint nparams;\n\tconst char *const *params;\n};\n' >"$dir/db.h"
cat >"$dir/x.c" <<'END'
#include <string.h>
#include "sql_x.h"
int main(void)
{
	return sql_one.nparams != 2 || strcmp(sql_one.params[1], "after") != 0 || sql_two.nparams != 0 ||
	       sql_two.params != 0 || strcmp(sql_two.text, "select 1") != 0;
}
END
"${CC:-gcc}" -Wall -Wextra -Werror -I"$dir" -o "$dir/x" "$dir/x.c" && "$dir/x"
ok "the header compiles and says so" $?

refuses "text before the first name" "select 1" "before the first"
refuses "a bad name" "-- name: A b" "lower_case_name"
refuses "an untyped parameter" "-- name: a
select :x" "needs a cast"
refuses "two statements" "-- name: a
select 1; select 2" "more than one statement"
refuses "an open string" "-- name: a
select 'x" "unterminated '"
refuses "an open dollar quote" '-- name: a
select $x$ $y$' 'unterminated $x$'
refuses "an open comment" "-- name: a
select /* /* */" "unterminated comment"
refuses "an empty statement" "-- name: a
-- b" "no statement"
refuses "a name twice" "-- name: a
select 1
-- name: a
select 2" "stands twice"

echo "1..$n"
echo "# $((n - failed)) of $n passed"
[ $failed = 0 ]
