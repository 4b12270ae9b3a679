#!/bin/sh
# run.sh [PROGRAM...] - the API suite: the C programs of it, then everything from outside through the typed client.
set -eu
cd "$(dirname "$0")/../.."
. tests/lib/suite.sh

for program; do "$program" </dev/null; done
tests_build
rm -rf "$B/coverage"
node tests/run.mjs api
