#!/bin/bash
# Tests of tests/lint_source.py: each rule finds the fault that it is there for, in a small tree that breaks them all.
set -u
cd "$(dirname "$0")/../.." || exit 1
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
rules=$(sed -n 's/^def \([A-Z]*\)():$/\1/p' tests/lint_source.py)
mkdir -p "$dir"/{api/res,shared/base,shared/io,mailer,tests,.ci}
cp tests/lint_source.py "$dir/tests/"
cd "$dir" || exit 1

cat >api/res/a.c <<'END'
#include <kore/kore.h>
#include "b.h"
#include "smtp.h"
#include <curl/curl.h>
int f(void)
{
	strcpy(a, "x");
	goto out; /* TO-DO later */
	q("select 1 from x");
}
END
sed -i 's/TO-DO/TO''DO/' api/res/a.c
printf '/* b */\nint b(void);\n' >api/res/b.h
printf '/* s */\n#include "x.h"\n' >mailer/smtp.h
printf '/* x */\n\nint undocumented(int x,\n                 int y);\n' >shared/base/x.h
printf '/* Doc. */\nint documented(void);\n/* lint:GOTO in a comment is none: goto */\n' >shared/io/fine.h
printf -- '-- name: a\nselect now()\n' >api/res/a.sql
{ echo '/* long */'; seq 901 | sed 's/.*/int x&;/'; } >shared/io/long.c
printf 'see /ro''ot/x\n' >README.md
printf 'int y; \n' >shared/io/space.h
printf 'gcc\n' >.ci/packages
git init -q .
/usr/bin/python3 tests/lint_source.py >out && echo "not ok - the tree passed"

n=0 failed=0
check() { # check NAME STATUS
	n=$((n + 1))
	[ "$2" = 0 ] && echo "ok $n - $1" && return
	echo "not ok $n - $1"
	failed=$((failed + 1))
}
for rule in $rules; do
	grep -q ": $rule: " out
	check "$rule finds its fault" $?
done
! grep -q fine.h out
check "what is fine is not told" $?
printf '/* a */\n' >clean.h
git rm -rqf --cached . 2>/dev/null
rm -rf api shared mailer README.md
printf 'gcc  build  -  # compiler\n' >.ci/packages
/usr/bin/python3 tests/lint_source.py >out
check "a clean tree passes" $?
echo "1..$n"
echo "# $((n - failed)) of $n passed"
[ $failed = 0 ]
