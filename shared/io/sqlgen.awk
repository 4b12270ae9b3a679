# sqlgen.awk - turn x.sql, the named statements beside x.c, into the C header sql_x.h.
#
#	awk -f sqlgen.awk x.sql > sql_x.h
#
# A block opens with `-- name: client_list`, may go on with comment lines, and holds one statement up to
# the next `-- name:`. Comments are dropped; strings, quoted names and dollar quotes are left alone.
# A block that opens with `-- part: client_shown` is no statement: it stands in for `{{client_shown}}` in
# those behind it, so that what several statements show is written once.
# Each `:ident` becomes $1..$n in order of first appearance, and its first use must carry a cast
# (`:firm::uuid`), so that the statement types itself and never depends on what the server guesses.
# The header holds, for each block, `static const struct stmt sql_client_list` (declared in db.h).
# A fault is told as FILE:LINE: and the exit status is 1; then nothing usable was written.

function fail(line, text)
{
	printf "%s:%d: %s\n", FILENAME, line, text > "/dev/stderr"
	failed = 1
	exit 1
}

# The index of the parameter `id`, new ones at the end; `rest` is the text that follows it.
function param(id, rest)
{
	if (!(id in seen)) {
		if (rest !~ /^::[a-z]/)
			fail(at, "first use of :" id " needs a cast, such as :" id "::uuid")
		seen[id] = ++nparams
		ids[nparams] = id
	}
	return seen[id]
}

# The length of the quoted piece at the start of `s`, which opens with the character `q`.
function quoted(s, q, escapes,   i, c)
{
	for (i = 2; i <= length(s); i++) {
		c = substr(s, i, 1)
		if (escapes && c == "\\")
			i++
		else if (c == q && substr(s, i + 1, 1) == q)
			i++
		else if (c == q)
			return i
	}
	fail(at, "unterminated " q " in " name)
}

# The length of the comment at the start of `s`, /* nested */ ones included.
function block_comment(s,   i, depth)
{
	for (i = 1; i < length(s); i++) {
		if (substr(s, i, 2) == "/*") {
			depth++
			i++
		} else if (substr(s, i, 2) == "*/") {
			i++
			if (--depth == 0)
				return i
		}
	}
	fail(at, "unterminated comment in " name)
}

# The length of the dollar-quoted piece at the start of `s`, 0 if there is none.
function dollar(s,   tag, end)
{
	if (!match(s, /^\$([A-Za-z_][A-Za-z_0-9]*)?\$/))
		return 0
	tag = substr(s, 1, RLENGTH)
	end = index(substr(s, RLENGTH + 1), tag)
	if (end == 0)
		fail(at, "unterminated " tag " in " name)
	return RLENGTH + end - 1 + length(tag)
}

# One step of the scan: appends to `out` what the head of `s` becomes, returns how much of `s` it was.
function step(s,   c, n)
{
	c = substr(s, 1, 1)
	if (substr(s, 1, 2) == "--")
		return match(s, /\n/) ? RSTART - 1 : length(s)
	if (substr(s, 1, 2) == "/*")
		return block_comment(s)
	if (c == "$" && (n = dollar(s)) > 0 || c == "'" && (n = quoted(s, c, out ~ /(^|[^A-Za-z0-9_$])[Ee]$/)) ||
	    c == "\"" && (n = quoted(s, c, 0))) {
		out = out substr(s, 1, n)
		return n
	}
	if (match(s, /^::+/) || match(s, /^[A-Za-z_0-9]+/)) {
		out = out substr(s, 1, RLENGTH)
		return RLENGTH
	}
	if (match(s, /^:[a-z_][a-z_0-9]*/)) {
		n = RLENGTH
		out = out "$" param(substr(s, 2, n - 1), substr(s, n + 1))
		return n
	}
	if (c == "\n") {
		sub(/[ \t]+$/, "", out)
		if (out == "" || out ~ /\n$/)
			return 1
	}
	if (c == ";" && substr(s, 2) ~ /[^ \t\n]/)
		fail(at, "more than one statement in " name)
	if (c != ";")
		out = out c
	return 1
}

# The text of a statement as C literals, one a line.
function literals(text,   lines, n, i, all)
{
	sub(/[ \t\n]+$/, "", text)
	gsub(/\\/, "\\\\&", text)
	gsub(/"/, "\\\"", text)
	gsub(/\t/, "\\t", text)
	n = split(text, lines, "\n")
	for (i = 1; i <= n; i++)
		all = all (i > 1 ? "\\n\"\n\t\t\"" : "\"") lines[i]
	return all "\""
}

# The body with each {{part}} replaced by its text.
function expand(text,   part)
{
	while (match(text, /\{\{[a-z_0-9]+\}\}/)) {
		part = substr(text, RSTART + 2, RLENGTH - 4)
		if (!(part in parts))
			fail(at, "no part " part " before " name)
		text = substr(text, 1, RSTART - 1) parts[part] substr(text, RSTART + RLENGTH)
	}
	return text
}

function finish(   i, list)
{
	if (name == "")
		return
	body = expand(body)
	if (is_part) {
		sub(/^(--[^\n]*\n)+/, "", body)
		sub(/\n+$/, "", body)
		parts[name] = body
		return
	}
	out = ""
	nparams = 0
	split("", seen)
	while (body != "")
		body = substr(body, step(body) + 1)
	if (out !~ /[^ \t\n]/)
		fail(at, "no statement under the name " name)
	list = ""
	for (i = 1; i <= nparams; i++)
		list = list (i > 1 ? ", " : "") "\"" ids[i] "\""
	printf "\nstatic const struct stmt sql_%s = {\n\t.name = \"%s\",\n", name, name
	printf "\t.text = %s,\n\t.nparams = %d,\n", literals(out), nparams
	if (nparams > 0)
		printf "\t.params = (const char *const[]){%s},\n", list
	print "};"
}

FNR == 1 {
	base = FILENAME
	sub(/.*\//, "", base)
	printf "/* Made by sqlgen.awk from %s: edit that. */\n#pragma once\n\n#include \"db.h\"\n", base
}

/^-- (name|part):/ {
	finish()
	is_part = $2 == "part:"
	name = $3
	at = FNR
	body = ""
	if (NF != 3 || name !~ /^[a-z][a-z0-9_]*$/)
		fail(FNR, "want `" $1 " " $2 " lower_case_name`")
	if (name in names)
		fail(FNR, name " stands twice in this file")
	names[name] = 1
	next
}

name == "" && !/^[ \t]*(--.*)?$/ {
	fail(FNR, "text before the first `-- name:`")
}

{
	body = body $0 "\n"
}

END {
	if (!failed)
		finish()
	exit failed
}
