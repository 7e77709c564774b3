# Orrery's two programs and its labs; the launcher builds them. Its first process is `orrery`, as an
# observer or as the agent of one: see docker-compose.yml.
ARG BASE=debian:12-slim

FROM ${BASE} AS build
COPY . /src
RUN /src/orrery --yes --version

FROM ${BASE}
RUN apt-get update -q && apt-get install -q -y --no-install-recommends \
        libncursesw6 libprotobuf-c1 libsodium23 libuv1 libwebsockets17 libwebsockets-evlib-uv \
        libyaml-0-2 libzstd1 ncurses-base zlib1g \
    && rm -rf /var/lib/apt/lists/*
COPY --from=build /src/build/bin/orrery /src/build/bin/orrery-node /usr/local/bin/
COPY labs /usr/local/share/orrery/labs
ENV XDG_STATE_HOME=/var/lib/orrery
STOPSIGNAL SIGTERM
ENTRYPOINT ["orrery"]
