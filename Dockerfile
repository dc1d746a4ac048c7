# Images of the servers and of the harness: static binaries, an unprivileged user, no shell.
#
#   docker build --tag gauntlet-server .                      the package index, from source
#   docker build --tag gauntlet-wisdom --target wisdom .      the server of quotations, from source
#   docker build --tag gauntlet-harness --target harness .    the harness, from source
#   cargo ci images                                           all, from binaries built beforehand, without a registry
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
# The drain ends before the 10 s that `docker stop` allows.
ENV PACKAGE_INDEXER_ADDR=0.0.0.0:8080 PACKAGE_INDEXER_SHUTDOWN_TIMEOUT=8
USER 1001:1001
EXPOSE 8080
HEALTHCHECK --interval=5s --timeout=3s --start-period=2s --retries=2 CMD ["/server", "health"]
ENTRYPOINT ["/server"]

# The server of quotations. With the arguments `get --addr HOST:PORT` it is the client.
FROM scratch AS wisdom-base
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="gauntlet-wisdom" \
      org.opencontainers.image.description="Quotations for a proof of work: the second server of the conformance kit Gauntlet" \
      org.opencontainers.image.licenses="MIT OR Apache-2.0" \
      org.opencontainers.image.version="$VERSION" \
      org.opencontainers.image.revision="$REVISION"
COPY --chown=1001:1001 ci/empty /tmp
ENV PACKAGE_INDEXER_ADDR=0.0.0.0:8080 PACKAGE_INDEXER_SHUTDOWN_TIMEOUT=8
USER 1001:1001
EXPOSE 8080
HEALTHCHECK --interval=5s --timeout=3s --start-period=2s --retries=2 CMD ["/wisdom", "health"]
ENTRYPOINT ["/wisdom"]
CMD ["serve"]

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

# The build context of these stages is a directory with the binaries; in that of the others, the directories of
# their crates have the same paths.
FROM server-base AS prebuilt
COPY server /server

FROM wisdom-base AS prebuilt-wisdom
COPY crates/wisdom /wisdom

FROM harness-base AS prebuilt-harness
COPY harness chaos /

FROM ${RUST_IMAGE} AS build
WORKDIR /source
COPY . .
# The target is explicit because procedural macros, which run during the build, cannot be static.
RUN host=$(rustc -vV | sed -n 's/^host: //p') \
    && RUSTFLAGS="-C target-feature=+crt-static" cargo build --locked --profile dist --target "$host" \
        --package server --package wisdom --package harness --package chaos \
        --features harness/docker,chaos/docker,server/profile,wisdom/profile \
    && mkdir /image \
    && cd "target/$host/dist" && cp server wisdom harness chaos /image/

FROM harness-base AS harness
COPY --from=build /image/harness /image/chaos /

FROM wisdom-base AS wisdom
COPY --from=build /image/wisdom /wisdom

FROM server-base AS server
COPY --from=build /image/server /server
