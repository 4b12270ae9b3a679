#!/bin/sh
# run.sh - the gate's tests; server is what they run, not a test itself.
exec node --test tests/gate/gate.test.mjs
