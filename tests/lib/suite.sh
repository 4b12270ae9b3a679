# shellcheck shell=sh
# suite.sh - what the suites in Node share: sourced in the checkout, with B set or not.
B=${B:-build}
export B

# Install the pinned packages when the lock has changed, then generate the client and compile the tests.
tests_build() {
	if ! cmp -s tests/package-lock.json tests/node_modules/.lock; then
		(cd tests && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error && cp package-lock.json node_modules/.lock)
	fi
	node tests/build.mjs
}
