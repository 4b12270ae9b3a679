#!/bin/sh
# edge.sh - nginx for the compose network: the configuration of `make run` with this container's paths.
set -eu
state=/var/lib/portico-edge
ln -sf /dev/stderr $state/logs/edge.log
ln -sf /dev/stdout $state/logs/edge-requests.log
rm -f /run/edge/edge-store.sock
# shellcheck disable=SC2086 # each proxy is a word
sed -e "s|@STATE@|$state|g" -e "s|@RUN@|/run/edge|g" -e "s|@SOCKET@|/run/portico/api.sock|g" \
	-e "s|@PAGES@|/usr/share/portico/pages|g" -e "s|@SPOOL@|/files/spool|g" -e "s|@STORE@|/files/store|g" \
	-e "s|@PORT@|8080|g" -e "s|@WORKERS@|${PORTICO_WORKERS:-auto}|g" -e "s|@PUBLIC_URL@|${PORTICO_PUBLIC_URL%/}|g" \
	-e "s|@RATE@|${EDGE_RATE:-200}|g" -e "s|@AUTH_RATE@|${EDGE_AUTH_RATE:-10}|g" \
	-e "s|@CORS_ORIGINS@|${PORTICO_CORS_ORIGINS:-}|g" \
	-e "s|@PROXIES@|$(printf 'set_real_ip_from %s; ' unix: ${EDGE_PROXIES:-})|g" -e 's|listen 127\.0\.0\.1:|listen |' \
	/usr/share/portico/edge/nginx.conf.in >$state/nginx.conf
exec nginx -p $state/ -c $state/nginx.conf -e /dev/stderr
