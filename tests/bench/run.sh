#!/bin/sh
# run.sh - the figures: `make bench`. Every claim is a ratio against a limit of this machine, measured in turns in one run.
exec node "$(dirname "$0")/bench.mjs" </dev/null
