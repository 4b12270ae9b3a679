#!/bin/bash
# run.sh - docker-compose.yml for real: builds the images, starts everything in a network namespace of its own, waits until the
# edge says ready, sets the first firm up with the printed token, runs the README's session, restarts, stops.
# As root; needs the packages of the group `compose` and reaches a Debian mirror. Takes some minutes: `make compose-test`.
set -eu
cd "$(dirname "$0")/../.."
[ "$(id -u)" = 0 ] || { echo "as root, please" >&2; exit 1; }
.ci/deps compose

W=$(mktemp -d /tmp/dk.XXXX)
NS=dk$$
export DOCKER_HOST=unix://$W/sock COMPOSE_PROJECT_NAME=portico$$ PORTICO_SMTP_TLS=off
compose=(docker-compose --profile mail)
shim=

# A daemon of our own; words before it say where it runs.
up() {
	"$@" dockerd --data-root "$W/data" --exec-root "$W/exec" --pidfile "$W/pid" -H "$DOCKER_HOST" --storage-driver=overlay2 \
		"${options[@]}" >>"$W/log" 2>&1 &
	for _ in $(seq 120); do
		docker version >/dev/null 2>&1 && return
		sleep 0.5
	done
	tail "$W/log"
	return 1
}

down() {
	local pid
	pid=$(cat "$W/pid" 2>/dev/null) || return 0
	kill "$pid"
	while kill -0 "$pid" 2>/dev/null; do sleep 0.2; done
}

# shellcheck disable=SC2317 # the trap calls it
finish() {
	[ -z "$shim" ] || kill "$shim" 2>/dev/null || :
	"${compose[@]}" down -v >/dev/null 2>&1 || :
	down
	ip netns del "$NS" 2>/dev/null || :
	umount "$W/exec/netns/default" 2>/dev/null || :
	rm -rf "$W"
}
trap finish EXIT
n=0
ok() {
	n=$((n + 1))
	echo "ok $n - $1 (${SECONDS} s)"
}
inside() { nsenter --net="/run/netns/$NS" "$@"; }

# The base image trusts what this machine trusts besides Debian's list: a mirror may sit behind a proxy of its own.
trust=()
for ca in /usr/local/share/ca-certificates/*.crt; do
	[ ! -e "$ca" ] || trust=(--customize-hook='copy-in /usr/local/share/ca-certificates /usr/local/share')
done
mmdebstrap -q --variant=minbase "${trust[@]}" bookworm "$W/base.tar"
options=(--bridge=none --iptables=false --ip6tables=false)
up env
docker import --change 'CMD ["bash"]' "$W/base.tar" debian:bookworm-slim >/dev/null
rm "$W/base.tar"
for service in init postgres redis catcher api mailer edge; do
	DOCKER_BUILDKIT=0 docker build -q -f api/ctl/compose/Dockerfile --network host --target "$service" -t "${COMPOSE_PROJECT_NAME}_$service" . >>"$W/log" 2>&1 ||
		{ tail -n 40 "$W/log"; exit 1; }
done
docker tag "${COMPOSE_PROJECT_NAME}_api" "${COMPOSE_PROJECT_NAME}_migrate"
ok "the images build"
down

ip netns add "$NS"
ip -n "$NS" link set lo up
options=(--ip-forward=true)
up nsenter --net="/run/netns/$NS"
"${compose[@]}" up -d --no-build >>"$W/log" 2>&1 || { tail -n 30 "$W/log"; "${compose[@]}" logs --tail=20; exit 1; }
wait_ready() {
	for _ in $(seq 120); do
		inside curl -fsS -m 2 -o "$W/ready" http://127.0.0.1:8080/readyz 2>/dev/null && return
		sleep 0.5
	done
	"${compose[@]}" ps
	"${compose[@]}" logs --tail=20
	return 1
}
wait_ready
ok "the edge says ready"

call() { inside curl -fsS -m 10 "$@"; }
portal=http://127.0.0.1:8080
[ "$(inside curl -sS -m 10 -o /dev/null -w '%{http_code}' "$portal/v1/test/outbox")" = 404 ]
ok "the test calls are not there"
token=$("${compose[@]}" exec -T api cat /secrets/api/setup-token | tr -d '\r\n')
jq -n --arg token "$token" '{setup_token: $token, firm_name: "Acme", firm_slug: "acme", timezone: "Europe/London", currency: "GBP",
	owner_name: "Olive Owner", owner_email: "olive@firm.test", owner_password: "seven wet herons wade home"}' >"$W/setup.json"
call "$portal/v1/setup" -o /dev/null --json "@$W/setup.json"
owner=$(call "$portal/v1/auth/login" --json '{"audience": "staff", "email": "olive@firm.test",
	"password": "seven wet herons wade home", "transport": "token"}' | jq -r .access_token)
ok "the first firm is set up with the token"
inside node tests/compose/outbox.mjs http://127.0.0.1:1080 >"$W/outbox" &
shim=$!
until [ -s "$W/outbox" ]; do sleep 0.1; done
key=$(call -H "Authorization: Bearer $owner" "$portal/v1/api_keys" --json '{"name": "README", "scopes": ["clients:read"]}' | jq -r .secret)
jq -n --arg key "$key" '{slug: "acme", api_key: $key,
	owner: {email: "olive@firm.test", password: "seven wet herons wade home"}}' >"$W/demo.json"
portico=$portal demo=$W/demo.json outbox=$(cat "$W/outbox") inside tests/api/readme.sh run
ok "the README's session runs, with the mail from the catcher"
client=$(call -H "Authorization: Bearer $owner" "$portal/v1/clients" | jq -r '.data[0].id')
folder=$(call -H "Authorization: Bearer $owner" "$portal/v1/folders?client_id=$client" | jq -r '.data[0].id')
head -c 5000000 /dev/urandom >"$W/sent"
document=$(call -H "Authorization: Bearer $owner" "$portal/v1/documents?folder_id=$folder&name=a.bin" \
	-H 'Content-Type: application/octet-stream' --data-binary "@$W/sent" | jq -r .id)
"${compose[@]}" restart >>"$W/log" 2>&1
wait_ready
call -H "Authorization: Bearer $owner" -o "$W/got" "$portal/v1/documents/$document/content"
cmp "$W/sent" "$W/got"
ok "a document survives a restart"
for _ in $(seq 60); do
	state=$(docker inspect "${COMPOSE_PROJECT_NAME}_migrate_1" -f '{{.State.Status}} {{.State.ExitCode}}')
	[ "$state" != "exited 0" ] || break
	sleep 0.5
done
[ "$state" = "exited 0" ] || { echo "$state"; "${compose[@]}" logs --tail=20 migrate postgres; exit 1; }
ok "so does the schema: nothing to migrate"
"${compose[@]}" stop -t 30 >>"$W/log" 2>&1
"${compose[@]}" ps | grep -vE 'Exit (0|143|130)|^-|Name' && exit 1
ok "all stop cleanly"
echo "1..$n"
echo "# $n of $n passed"
