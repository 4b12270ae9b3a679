#!/bin/sh
# run.sh - the contract suite: openapi.yaml against its rules, the route table, and what the API suite has seen.
set -eu
cd "$(dirname "$0")/../.."
. tests/lib/suite.sh

tests_build
node --test "$B/tests/contract/routes.test.js" "$B/tests/contract/rules.test.js" "$B/tests/contract/twenty.test.js" "$B/tests/contract/breaking.test.js" "$B/tests/contract/clients.test.js"
if [ -d "$B/coverage" ]; then node --test "$B/tests/contract/coverage.test.js"; fi
node tests/contract/statements.mjs
