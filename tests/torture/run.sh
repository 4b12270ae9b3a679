#!/bin/sh
# run.sh - the torture suite: everything is killed, cut off and filled up on purpose, each file on an instance of its
# own, which is private and hit by process id alone. As an ordinary user all but the full disk.
#
#	TORTURE_KILLS=100	kill points of mail.test.mjs		TORTURE_EVENTS=2000	events that they are dealt out over
#	TORTURE_PEOPLE=8	clients at work meanwhile		TORTURE_REQUESTS=2400	requests whose clients vanish, at each door half
#	FEED_EVENTS=3000	events of feed.test.mjs			FEED_KILLS=1		kills of the API meanwhile
#	TORTURE_SEED=20260101	what is dealt by chance		LOG_BYTES=1500		of each program's log, when something fails
#	KEEP=1			leave the instances' directories in TMPDIR
#
# `make test-torture-long` takes the promises' own numbers.
failed=0
for name in stop disk outage vanish mail feed; do
	node --test "tests/torture/$name.test.mjs" || failed=1
done
exit $failed
