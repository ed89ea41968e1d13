# A release passes both base images with their digests; a local build takes the tags.
ARG RUST=rust:1.95-slim-bookworm
ARG BASE=debian:bookworm-slim

FROM ${RUST} AS build
COPY . /build
RUN cargo build --release --locked --bin pagerduty-incident-responder \
        --manifest-path /build/Cargo.toml --target-dir /build/target \
    && cp /build/target/release/pagerduty-incident-responder /usr/local/bin/

# What the program needs at run time: git reads the repository, the certificates let it reach GitHub and PagerDuty.
FROM ${BASE} AS runtime
# The release pins the base image by digest, and Debian removes superseded versions of a package from its archive.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends ca-certificates git \
    && rm -rf /var/lib/apt/lists/*

# What a proof needs that is not plain C: `docker build --target toolchain` brings gcc with its sanitizers, and valgrind.
FROM runtime AS toolchain
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends gcc libc6-dev make valgrind \
    && rm -rf /var/lib/apt/lists/*
COPY --from=build /usr/local/bin/pagerduty-incident-responder /usr/local/bin/pagerduty-incident-responder
ENTRYPOINT ["/usr/local/bin/pagerduty-incident-responder"]

# What proves a plain C service out of the box: tcc takes 32 MB where gcc takes 203 MB, and the programs leak alike.
FROM runtime AS action
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends libc6-dev make tcc \
    && rm -rf /var/lib/apt/lists/*
LABEL org.opencontainers.image.title="pagerduty-incident-responder" \
      org.opencontainers.image.description="Answers PagerDuty incidents with the cause, the commit at fault and a verified fix" \
      org.opencontainers.image.licenses="MIT OR Apache-2.0"
COPY --from=build /usr/local/bin/pagerduty-incident-responder /usr/local/bin/pagerduty-incident-responder
# The runner sets user, working directory and variables itself. A shell in between would drop variables whose names have
# hyphens, so the program is started as it is.
ENTRYPOINT ["/usr/local/bin/pagerduty-incident-responder"]
