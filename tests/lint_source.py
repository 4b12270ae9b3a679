"""The named rules of `make lint` that read our own sources: lint_source.py; faults as FILE:LINE: NAME: text.

Each rule is a function whose name is the rule's and whose first line is its reason. It looks at the files that git
knows or would know, and yields (path, line number, text). A line that must break one says so, and why, in a comment on
it or above it: `lint:NAME`.
"""
import os
import re
import subprocess
import sys

TEXT = re.compile(r"\.(c|h|sql|sh|awk|py|mjs|js|ts|css|html|ya?ml|json|md|in|txt|tpl)$|Makefile$|Dockerfile$|^\.ci/")
THIRD_PARTY = re.compile(r"package-lock\.json$|\.min\.js$|redoc.*\.js$|^LICENSE")
ALL = [
    path
    for path in subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard"], capture_output=True, text=True, check=True
    ).stdout.splitlines()
    if os.path.isfile(path) and TEXT.search(path) and not THIRD_PARTY.search(path)
]
CODE = [path for path in ALL if re.match(r"(shared|api|mailer|tests)/.*\.[ch]$", path)]
PRODUCT = [path for path in CODE if not path.startswith("tests/")]
RAW = {path: open(path, encoding="utf-8").read() for path in ALL}
RULES_THEMSELVES = {"tests/lint_source.py", "tests/lint.sh"}


def blank(match):
    """What a comment or string leaves: its newlines."""
    return re.sub(r"[^\n]", " ", match.group(0))


PIECES = re.compile(r"/\*.*?\*/|//[^\n]*|\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*'", re.S)
PLAIN = {p: PIECES.sub(lambda m: blank(m), RAW[p]) for p in CODE}  # neither comments nor strings
UNCOMMENTED = {p: PIECES.sub(lambda m: blank(m) if m.group(0)[0] == "/" else m.group(0), RAW[p]) for p in CODE}
INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]+([<"])([^>"]+)[>"]', re.M)


def at(text, position):
    """The line number of a position."""
    return text.count("\n", 0, position) + 1


def found(pattern, texts, paths, message):
    """A fault for each match of the pattern."""
    for path in paths:
        for match in re.finditer(pattern, texts[path], re.M | re.I):
            yield path, at(texts[path], match.start()), message % match.group(0).strip()


def includes():
    """Every include of our code: path, line, bracket, header."""
    for path in CODE:
        for match in INCLUDE.finditer(RAW[path]):
            yield path, at(RAW[path], match.start()), match.group(1), match.group(2)


def LONGFILE():
    """A file over 900 lines does more than one thing."""
    for path in PRODUCT:
        if RAW[path].count("\n") > 900:
            yield path, 1, f"{RAW[path].count(chr(10))} lines, at most 900"


def BANNED():
    """Functions that overrun, hide state, or cannot tell an error."""
    names = (
        r"strcpy|strcat|strncpy|strncat|stpcpy|sprintf|vsprintf|gets|strtok|atoi|atol|atoll|atof|scanf|sscanf|fscanf|gmtime"
        r"|localtime|ctime|asctime|alloca|system|popen|tmpnam|tempnam|mktemp|rand|srand|random|setjmp|longjmp"
    )
    for path, line, text in found(rf"(?<![\w.>])({names})\s*\(", PLAIN, PRODUCT, "%s"):
        if not (path == "shared/io/fiber.c" and "jmp" in text):
            yield path, line, text + ") is banned"


def GOTO():
    """Where an arena owns the memory nothing is left to clean up by hand."""
    yield from found(r"\bgoto\b", PLAIN, [p for p in PRODUCT if not p.startswith("shared/io/")], "%s")


def SQLINC():
    """SQL lives in .sql files, where a test prepares it; C holds its name."""
    words = (
        r"select |insert into |update \w+ set |delete from |with \w+ as |savepoint |set local |set session "
        r"|create (table|role|schema|function|index) |alter |drop |truncate |listen |notify |lock table"
        r"|(begin|start transaction|commit|rollback);?\""
    )
    for path in [p for p in PRODUCT if p.endswith(".c")]:
        for number, line in enumerate(UNCOMMENTED[path].split("\n"), 1):
            match = re.search(rf'"\s*({words})', line, re.I)
            if match and not re.search(r"(strn?|mem)cmp\(", line):  # a tag of the server's is no statement
                yield path, number, f"SQL in C: {line.strip()[:60]}"


def KORELEAK():
    """Only the two files that talk to Kore know it."""
    for path, line, _, header in includes():
        if header.startswith("kore/") and path not in ("api/main.c", "api/gate.c"):
            yield path, line, f"includes {header}"


HOMES = {
    r"libpq-fe\.h|postgresql/.*": r"shared/io/db\w*\.[ch]|tests/.*",
    r"hiredis/.*": r"shared/io/redis\w*\.[ch]|tests/.*",
    r"curl/.*": r"shared/io/(http|blob)\w*\.[ch]|mailer/smtp\w*\.[ch]|tests/.*",
    r"csv\.h": r"shared/base/sheet\w*\.[ch]|tests/.*",
    r"cjson/.*": r"shared/base/json\w*\.[ch]|tests/.*",
    r"sodium.*": r"shared/io/crypt\w*\.[ch]|tests/.*",
    r"zxcvbn\.h": r"shared/io/(crypt|password)\w*\.[ch]|tests/.*",
    r"utf8proc\.h": r"shared/base/(text|email|json|name)\w*\.[ch]|tests/.*",
    r"idn2\.h": r"shared/base/(text|email)\w*\.[ch]|tests/.*",
    r"openssl/.*": r"tests/.*",
    r"ucontext\.h|sanitizer/.*": r"shared/io/fiber\.c",
    r"cmocka\.h": r"tests/.*",
}


def HOME():
    """Each third-party header has one home, so that a library can be replaced there."""
    for path, line, bracket, header in includes():
        for headers, home in HOMES.items():
            if bracket == "<" and re.fullmatch(headers, header) and not re.fullmatch(home, path):
                yield path, line, f"<{header}> belongs to {home}"


FOLDERS = ["shared/base", "shared/io", "shared/model", "shared", "api/res", "api/ctl", "api", "mailer", "tests"]
BELOW = {
    "shared/base": [],
    "shared/io": ["shared/base"],
    "shared/model": ["shared/base"],
    "shared": ["shared/base", "shared/io", "shared/model"],
    "api": ["shared/base", "shared/io", "shared/model", "shared"],
    "api/res": ["shared/base", "shared/io", "shared/model", "shared", "api"],
    "api/ctl": ["shared/base", "shared/io", "shared/model", "shared", "api"],
    "mailer": ["shared/base", "shared/io", "shared/model", "shared"],
    "tests": ["shared/base", "shared/io", "shared/model", "shared", "api", "api/res", "api/ctl", "mailer"],
}


def folder(path):
    """The layer that a path belongs to."""
    return next(f for f in FOLDERS if path.startswith(f + "/"))


def UPDEP():
    """base <- {model, io} <- {outbox, audit} <- {api, mailer}, strictly downwards; a resource includes none other."""
    headers = {}
    for path in CODE:
        if path.endswith(".h"):
            name = os.path.basename(path)
            if name in headers and not path.startswith("tests/"):
                yield path, 1, f"{headers[name]} has the same name"
            headers[name] = path
    for path, line, bracket, header in includes():
        own = folder(path)
        target = headers.get(header)
        stem = os.path.splitext(os.path.basename(path))[0]
        if header.startswith("sql_") and own != "tests" and not f"{stem}_".startswith(f"{header[4:-2]}_"):
            yield path, line, f"{header} belongs to {header[4:-2]}*.c"
        if bracket == "<" or target is None:
            continue
        layer = folder(target)
        if layer != own and layer not in BELOW[own]:
            yield path, line, f"{own} may not include {target}"
        if own == layer == "api/res" and os.path.basename(target) != f"{stem}.h":
            yield path, line, f"a resource may not include another: {target}"


def UNDOC():
    """A prototype in a library header says what, results, owner, failure; neighbours may share a comment."""
    for path in [p for p in CODE if re.match(r"shared/.*\.h$", p)]:
        documented = False
        lines = RAW[path].split("\n")
        plain = UNCOMMENTED[path].split("\n")
        depth = 0
        for number, (line, code) in enumerate(zip(lines, plain), 1):
            if not line.strip() or line.startswith("}"):
                documented = False
            if depth == 0 and "*/" in line and not code.strip():
                documented = True
            if depth == 0 and re.match(r"(?!typedef|#|static inline)[a-z_][\w *]*[ *]\w+\([^()]*(\(.*|\).*)?$", code):
                if not documented and "/*" not in line and "(*" not in code:
                    yield path, number, f"undocumented: {line.strip()[:60]}"
            depth += code.count("{") - code.count("}")


def OPENING():
    """Each C file opens with one sentence of what it is."""
    for path in CODE:
        if not RAW[path].startswith("/*"):
            yield path, 1, "no opening comment"


def TODO():
    """Unfinished work is an issue, not a comment."""
    paths = [p for p in ALL if not p.endswith((".json", ".md")) and p not in RULES_THEMSELVES]
    yield from found(r"\b(TODO|FIXME|XXX|HACK|not (yet )?implemented|stub(bed)?)\b(?!\.|/)", RAW, paths, "%s")


def NOW():
    """Time is a bound parameter: tests move the clock, and all programs read one."""
    for path in [p for p in ALL if p.endswith(".sql") and not p.startswith("tests/")]:
        text = re.sub(r"--[^\n]*|/\*.*?\*/|'(?:[^']|'')*'", blank, RAW[path], flags=re.S)
        for match in re.finditer(
            r"\b(now\s*\(|clock_timestamp|statement_timestamp|transaction_timestamp|current_timestamp|localtimestamp"
            r"|current_date|current_time\b|timeofday)", text, re.I
        ):
            yield path, at(text, match.start()), match.group(0)


def UNUSED():
    """A statement that no C file runs is dead."""
    for path in [p for p in ALL if p.endswith(".sql") and not p.startswith(("schema/", "tests/"))]:
        neighbour = "".join(PLAIN[p] for p in CODE if re.fullmatch(re.escape(path[:-4]) + r"(_\w+)?\.c", p))
        for match in re.finditer(r"^-- name: (\w+)$", RAW[path], re.M):
            if not re.search(rf"\bsql_{match.group(1)}\b", neighbour):
                yield path, at(RAW[path], match.start()), f"{match.group(1)} is not used in {path[:-4]}*.c"


def HOST():
    """The repository works anywhere: no registry, no path of somebody's machine."""
    pattern = r"registry\.\w+\.\w+|npmjs|pypi\.org|pythonhosted|proxy\.golang|npmmirror|/work/|/root/|/home/[a-z]+/"
    yield from found(pattern, RAW, [p for p in ALL if p not in RULES_THEMSELVES], "%s")


def SPACE():
    """Text ends each line with its last character, and the file with a line."""
    yield from found(r"[ \t]+$", RAW, [p for p in ALL if not p.endswith(".md")], "trailing space%s")
    for path in ALL:
        if "\r" in RAW[path]:
            yield path, 1, "carriage return"
        if RAW[path] and not RAW[path].endswith("\n"):
            yield path, RAW[path].count("\n") + 1, "no newline at the end"


def PACKAGES():
    """Each package is known by its group, its stand-in and its purpose."""
    for number, line in enumerate(RAW[".ci/packages"].split("\n"), 1):
        if line and not re.fullmatch(r"#.*|[a-z0-9.+-]+ +(build|run|test|lint|compose) +\S+ +# \S.*", line):
            yield ".ci/packages", number, "want: package group command # purpose"


def main():
    """Run every rule; the exit status says whether all hold."""
    faults = 0
    rules = [rule for name, rule in globals().items() if name.isupper() and callable(rule)]
    for rule in rules:
        for path, line, text in rule():
            if f"lint:{rule.__name__}" in "".join(RAW[path].split("\n")[max(line - 2, 0) : line]):
                continue
            print(f"{path}:{line}: {rule.__name__}: {text}")
            faults += 1
    print(f"{len(rules)} rules on {len(ALL)} files, {faults} faults")
    sys.exit(faults > 0)


main()
