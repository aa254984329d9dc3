# image/build.sh says how this is built, with Docker or without; the stage `build` is named so that a folder with the finished
# binary can take its place: buildah build --build-context build=DIR
FROM --platform=$BUILDPLATFORM rust:1.95-slim AS build
RUN apt-get update && apt-get install --yes --no-install-recommends ca-certificates gcc libc6-dev python3-venv && \
    rm -rf /var/lib/apt/lists/*
WORKDIR /source
COPY image/requirements.txt image/
RUN python3 -m venv /zig && /zig/bin/pip install --quiet --requirement image/requirements.txt
COPY . .
ARG PROFILE=release
ARG TARGETARCH
# The time that C code is told; image/build.sh gives the commit's.
ARG SOURCE_DATE_EPOCH
# A static binary, compiled on this machine's architecture for the image's; it needs nothing else in the image.
RUN case "$TARGETARCH" in arm64) target=aarch64 ;; *) target=x86_64 ;; esac && target="$target-unknown-linux-musl" && \
    rustup target add "$target" && \
    export PATH="/zig/bin:$PATH" RUSTFLAGS="--remap-path-prefix=$PWD=/source --remap-path-prefix=$CARGO_HOME=/cargo" && \
    cargo zigbuild --locked --profile "$PROFILE" --bin keyferry --target "$target" && \
    cp "target/$target/$PROFILE/keyferry" /keyferry && cp /etc/ssl/certs/ca-certificates.crt /ca-certificates.crt

FROM scratch
LABEL org.opencontainers.image.title="keyferry" \
      org.opencontainers.image.description="Keeps Kubernetes Secrets equal to AWS Secrets Manager and SSM Parameter Store" \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --from=build /ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY --from=build /keyferry /keyferry
# Numeric, so that `runAsNonRoot` can be checked without a user database.
USER 65532:65532
# metrics, probes
EXPOSE 8080 8082
ENTRYPOINT ["/keyferry"]
CMD ["run"]
