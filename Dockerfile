# The stage is named so that a finished binary can take its place without compiling: buildah build --build-context build=DIR
FROM rust:1.95-slim AS build
RUN apt-get update && apt-get install --yes --no-install-recommends ca-certificates musl-tools && rm -rf /var/lib/apt/lists/*
WORKDIR /source
COPY . .
# A static binary for the machine that builds; it needs nothing else in the image.
RUN target="$(uname -m)-unknown-linux-musl" && rustup target add "$target" && \
    cargo build --locked --release --bin keyferry --target "$target" && \
    cp "target/$target/release/keyferry" /keyferry && cp /etc/ssl/certs/ca-certificates.crt /ca-certificates.crt

FROM scratch
COPY --from=build /ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY --from=build /keyferry /keyferry
# Numeric, so that `runAsNonRoot` can be checked without a user database.
USER 65532:65532
# metrics, probes
EXPOSE 8080 8082
ENTRYPOINT ["/keyferry"]
CMD ["run"]
