#!/bin/sh
# run.sh - the pages in a real browser, against everything that `make run` starts.
set -eu
cd "$(dirname "$0")/../.."
. tests/lib/suite.sh

tests_build
node tests/run.mjs e2e
