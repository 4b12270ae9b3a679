#!/bin/sh
# pages.sh DIR - lay out the pages that the edge serves: api/edge/pages, and the bundle that /docs needs, pinned by the
# tests' lock file. Without a registry at hand everything else is there, and /docs shows a link to openapi.json.
set -eu
cd "$(dirname "$0")/../.."
dir=$1
bundle=redoc.standalone.js

# Is the package that was fetched the one that the lock file names?
genuine() {
	want=$(sed -n '/"node_modules\/redoc": {/,/}/s/.*"integrity": "sha512-\(.*\)".*/\1/p' tests/package-lock.json)
	got=$(node -p 'crypto.createHash("sha512").update(fs.readFileSync(process.argv[1])).digest("base64")' "$1")
	[ "$got" = "$want" ]
}

# Its one picture from elsewhere becomes an empty one: the pages ask nobody but the edge.
lay_bundle() {
	sed 's|https://cdn\.redoc\.ly/redoc/logo-mini\.svg|data:image/gif;base64,R0lGODlhAQABAAAAACwAAAAAAQABAAA=|g' "$1" >"$dir/$bundle"
}

fetch() {
	version=$(sed -n 's/.*"redoc": "\(.*\)".*/\1/p' tests/package.json)
	mkdir -p "$dir.new"
	(cd "$dir.new" && npm pack --silent "redoc@$version" >/dev/null) && genuine "$dir.new"/redoc-*.tgz &&
		tar -xzf "$dir.new"/redoc-*.tgz -C "$dir.new" --strip-components=2 "package/bundles/$bundle" &&
		lay_bundle "$dir.new/$bundle"
}

mkdir -p "$dir"
trap 'rm -rf "$dir.new"' EXIT
cp api/edge/pages/* "$dir"
if [ -f "tests/node_modules/redoc/bundles/$bundle" ]; then
	lay_bundle "tests/node_modules/redoc/bundles/$bundle"
elif [ ! -f "$dir/$bundle" ]; then
	fetch || echo "pages.sh: no $bundle, so /docs only links to openapi.json" >&2
fi
