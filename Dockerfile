# Images of the server and of the harness: one static binary each, an ordinary user, no shell.
#
#   docker build --tag gauntlet-server .                      the server, from source
#   docker build --tag gauntlet-harness --target harness .    the harness, from source
#   cargo ci images                                           both, from binaries built beforehand, without a registry
#
# The stages that need no image come first: the legacy builder goes through all stages up to the one asked for, and must
# not meet one whose image cannot be had.

# The public image that the from-source stages build on.
ARG RUST_IMAGE=rust:1.95

FROM scratch AS server-base
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="gauntlet-server" \
      org.opencontainers.image.description="A compact package-index server: the reference of the conformance kit Gauntlet" \
      org.opencontainers.image.licenses="MIT OR Apache-2.0" \
      org.opencontainers.image.version="$VERSION" \
      org.opencontainers.image.revision="$REVISION"
COPY --chown=1001:1001 ci/empty /tmp
# A drain ends before the 10 s are over that `docker stop` grants.
ENV PACKAGE_INDEXER_ADDR=0.0.0.0:8080 PACKAGE_INDEXER_SHUTDOWN_TIMEOUT=8
USER 1001:1001
EXPOSE 8080
HEALTHCHECK --interval=5s --timeout=3s --start-period=2s --retries=2 CMD ["/server", "health"]
ENTRYPOINT ["/server"]

# Reports go to /reports, and gauntlet.toml is looked for there. Chaos is there too: --entrypoint /chaos.
FROM scratch AS harness-base
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="gauntlet-harness" \
      org.opencontainers.image.description="Says of any package-index server whether it keeps its protocol" \
      org.opencontainers.image.licenses="MIT OR Apache-2.0" \
      org.opencontainers.image.version="$VERSION" \
      org.opencontainers.image.revision="$REVISION"
COPY --chown=1001:1001 ci/empty /tmp
COPY --chown=1001:1001 ci/empty /reports
VOLUME /reports
WORKDIR /reports
USER 1001:1001
ENTRYPOINT ["/harness"]

# The context of these two is a directory with the binaries; in that of the others their crates have the same names.
FROM server-base AS prebuilt
COPY server /server

FROM harness-base AS prebuilt-harness
COPY harness chaos /

FROM ${RUST_IMAGE} AS build
WORKDIR /source
COPY . .
# The target is explicit because procedural macros, which run during the build, cannot be static.
RUN host=$(rustc -vV | sed -n 's/^host: //p') \
    && RUSTFLAGS="-C target-feature=+crt-static" cargo build --locked --profile dist --target "$host" \
        --package server --package harness --package chaos --features harness/docker,chaos/docker \
    && mkdir /image \
    && cp "target/$host/dist/server" "target/$host/dist/harness" "target/$host/dist/chaos" /image/

FROM harness-base AS harness
COPY --from=build /image/harness /image/chaos /

FROM server-base AS server
COPY --from=build /image/server /server
