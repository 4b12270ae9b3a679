# Portico's images, one target each: api, mailer (both also hold porticoctl), edge, postgres, redis, catcher, init.
# All are built here from Debian 12 alone; docker-compose.yml says how they fit together.

# The numbers of the users are fixed, for they own what the volumes hold. API, mailer and edge share one: spool and store are
# files of the same owner, which the edge writes, the API moves and the mailer's janitor clears.
FROM debian:bookworm-slim AS base
ENV DEBIAN_FRONTEND=noninteractive
RUN useradd --system --uid 990 --user-group --no-create-home --shell /usr/sbin/nologin portico \
	&& useradd --system --uid 991 --user-group --no-create-home --shell /usr/sbin/nologin postgres \
	&& useradd --system --uid 992 --user-group --no-create-home --shell /usr/sbin/nologin redis

FROM base AS init
COPY compose/init.sh /usr/local/bin/init
CMD ["init"]

FROM base AS postgres
RUN mkdir -p /etc/postgresql-common && echo 'create_main_cluster = false' >/etc/postgresql-common/createcluster.conf \
	&& apt-get update && apt-get install -y --no-install-recommends postgresql-15 && rm -rf /var/lib/apt/lists/*
COPY compose/postgres.sh /usr/local/bin/postgres-start
RUN install -d -o postgres -g postgres -m 0700 /var/lib/portico-postgres
USER postgres
CMD ["postgres-start"]

FROM base AS redis
RUN apt-get update && apt-get install -y --no-install-recommends redis-server && rm -rf /var/lib/apt/lists/* \
	&& install -d -o redis -g redis -m 0700 /var/lib/portico-redis
USER redis
CMD ["redis-server", "--port", "0", "--unixsocket", "/run/redis/redis.sock", "--unixsocketperm", "777", \
	"--dir", "/var/lib/portico-redis", "--appendonly", "yes", "--save", "", "--maxmemory-policy", "noeviction"]

FROM base AS node
RUN apt-get update && apt-get install -y --no-install-recommends nodejs npm ca-certificates && rm -rf /var/lib/apt/lists/*

FROM node AS catcher
WORKDIR /srv
COPY api/ctl/catcher/ ./
RUN npm ci --omit=dev --ignore-scripts --no-audit --no-fund
USER portico
CMD ["node", "node_modules/maildev/bin/maildev", "--smtp", "1025", "--web", "1080", "--mail-directory", "/tmp/mail"]

FROM node AS build
WORKDIR /src
COPY .ci/packages .ci/deps .ci/
RUN .ci/deps build && rm -rf /var/lib/apt/lists/*
COPY . .
RUN make -j"$(nproc)" B=/build SCHEMA_DIR=/usr/share/portico/schema all

FROM base AS program
RUN apt-get update && apt-get install -y --no-install-recommends ca-certificates libcjson1 libcurl4 libhiredis0.14 libidn2-0 \
	libpq5 libsodium23 libssl3 libutf8proc2 libzxcvbn0 && rm -rf /var/lib/apt/lists/*
COPY --from=build /build/porticoctl /usr/local/bin/
COPY --from=build /build/openapi.json /usr/share/portico/
COPY --from=build /src/schema /usr/share/portico/schema

FROM program AS api
COPY --from=build /build/portico-api /usr/local/bin/
USER portico
CMD ["portico-api"]

FROM program AS mailer
COPY --from=build /build/portico-mailer /usr/local/bin/
USER portico
CMD ["portico-mailer"]

FROM base AS edge
RUN apt-get update && apt-get install -y --no-install-recommends nginx && rm -rf /var/lib/apt/lists/*
COPY --from=build /src/api/edge /usr/share/portico/edge
COPY --from=build /build/pages /usr/share/portico/pages
COPY compose/edge.sh /usr/local/bin/edge
RUN install -d -o portico -g portico -m 0700 /run/edge /var/lib/portico-edge /var/lib/portico-edge/logs
USER portico
CMD ["edge"]
