#!/bin/bash
# lint.sh [RULE...] - every rule, or those named; each fault is told with its rule's name, and makes the run fail.
#
#	FORMAT	clang-format would change nothing           SOURCE	the rules of lint_source.py
#	LONGFN	no function over 100 lines                  COMPLEX	no function over 20 by McCabe (aim: 12)
#	HEADERS	each header compiles alone                  BUILD	gcc and clang, warnings are errors
#	CPPCHECK, TIDY	static analysis of our own code     SHELL	shellcheck; SCRIPT	scripts of the pages parse
#	SPELL	codespell on code and prose
set -u
cd "$(dirname "$0")/.." || exit 1
export LC_ALL=C.UTF-8
L=build/lint
mkdir -p "$L"
jobs=$(nproc)
INC=(-Ishared/base -Ishared/io -Ishared/model -Ishared -Iapi -Imailer "-I$L/gcc/gen" -isystem /usr/include/postgresql)
DEF=(-std=gnu11 -D_GNU_SOURCE=1 -D_FILE_OFFSET_BITS=64 "-DPORTICO_VERSION=\"0\"" "-DPORTICO_SCHEMA=\"schema\"")
KORE=(-DKORE_SINGLE_BINARY -DKORE_USE_TASKS -isystem /usr/share/kore/include -isystem /usr/share/kore/include/kore)

# files PATTERN: those that git knows or would know.
files() {
	git ls-files -co --exclude-standard | grep -E "$1" | while read -r f; do [ ! -f "$f" ] || echo "$f"; done
}

mapfile -t C < <(files '^(shared|api|mailer|tests)/.*\.c$')
mapfile -t H < <(files '^(shared|api|mailer|tests)/.*\.h$')
mapfile -t PRODUCT < <(files '^(shared|api|mailer)/.*\.c$')

FORMAT() {
	clang-format --dry-run -Werror --ferror-limit=1 "${C[@]}" "${H[@]}" 2>&1 | grep ': error:'
	[ "${PIPESTATUS[0]}" = 0 ]
}

SOURCE() {
	/usr/bin/python3 tests/lint_source.py
}

# pmccabe's columns: complexity, the same with each case counted, statements, first line, lines, file(line): function
measure() {
	pmccabe "${PRODUCT[@]}" 2>/dev/null
}

LONGFN() {
	! measure | awk '$5 > 100 { print $6, $7, $5 " lines" }' | grep .
}

COMPLEX() {
	! measure | awk '$1 > 20 { print $6, $7, "complexity " $1 }' | grep .
}

HEADERS() {
	local h failed=0
	make -s B=$L/gcc gen >/dev/null || return 1
	for h in "${H[@]}"; do
		printf '#include "%s"\n' "$PWD/$h" |
			gcc "${DEF[@]}" "${INC[@]}" -Wall -Wextra -Werror -fsyntax-only -x c - || failed=1
	done
	return $failed
}

BUILD() {
	local cc failed=0
	for cc in gcc clang; do
		make -k -j"$jobs" B=$L/$cc CC=$cc WERROR=1 SANITIZE='' everything fuzz-objects >$L/$cc.log 2>&1 ||
			{ grep -E 'error|Error|undefined' $L/$cc.log; failed=1; }
	done
	return $failed
}

CPPCHECK() {
	cppcheck -q -j"$jobs" --std=c11 --enable=warning,performance,portability --inline-suppr --error-exitcode=1 \
		--suppressions-list=.ci/cppcheck --library=posix --max-ctu-depth=4 -D__linux__ -D__GNUC__ -D_GNU_SOURCE \
		-Ishared/base -Ishared/io -Ishared/model -Ishared -Iapi -Imailer "${PRODUCT[@]}"
}

TIDY() {
	make -s B=$L/gcc gen $L/gcc/gen/platform.h >/dev/null || return 1
	printf '%s\0' "${PRODUCT[@]}" | xargs -0 -P"$jobs" -I{} clang-tidy --quiet {} -- "${DEF[@]}" "${INC[@]}" "${KORE[@]}" 2>/dev/null
}

SHELL() {
	local scripts
	mapfile -t scripts < <(files '\.sh$|^\.ci/(run|deps)$')
	shellcheck -x "${scripts[@]}"
}

# Pages and tests are modules, which older Nodes tell by the name alone.
SCRIPT() {
	local f failed=0
	while read -r f; do
		cp "$f" "$L/script.mjs"
		node --check "$L/script.mjs" || { echo "$f"; failed=1; }
	done < <(files '^(api|tests)/.*\.m?js$' | grep -vE '\.min\.js$|redoc')
	rm -f "$L/script.mjs"
	return $failed
}

SPELL() {
	files '\.(c|h|sql|sh|awk|py|js|mjs|ts|html|css|md|yaml|in|txt)$|Makefile$' |
		grep -vE 'package-lock|\.min\.js$|redoc|mailer/templates/.*\.de\.' | xargs codespell -L ba,fo,te,nmae,zar
}

summary() {
	measure | awk '{ print $5 }' | sort -n | awk '{ a[NR] = $1 } END {
		if (NR) printf "%d functions: median %d lines, p95 %d, longest %d\n", NR, a[int((NR + 1) / 2)], a[int(NR * .95)], a[NR] }'
}

failed=
[ $# -gt 0 ] || set -- FORMAT SOURCE LONGFN COMPLEX HEADERS BUILD CPPCHECK TIDY SHELL SCRIPT SPELL
for rule; do
	t=$SECONDS
	"$rule" || failed="$failed $rule"
	echo "$rule: $([ "${failed##* }" = "$rule" ] && echo FAILED || echo ok) ($((SECONDS - t)) s)"
done
summary
[ -z "$failed" ] || { echo "lint: FAILED:$failed"; exit 1; }
echo "lint: all of $# rules hold"
