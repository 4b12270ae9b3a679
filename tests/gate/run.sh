#!/bin/sh
# run.sh - the gate's tests, one file after the other; the program server is what they run, not a test itself.
failed=0
for file in tests/gate/*.test.mjs; do
	node --test "$file" || failed=1
done
exit $failed
