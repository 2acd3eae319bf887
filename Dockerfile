# The image: the program, CA certificates and an empty data folder; no shell, no libraries.
#
#   docker build -t chaupal .
#   docker run -p 8000:8000 -v chaupal:/data chaupal

FROM docker.io/library/rust:1.95-bookworm AS build
RUN apt-get update && apt-get install -y --no-install-recommends ca-certificates musl-tools \
    && rm -rf /var/lib/apt/lists/* \
    && rustup target add x86_64-unknown-linux-musl \
    && mkdir /empty
WORKDIR /source
COPY . .
RUN ./build.sh

# tests/image.sh builds from here, with a folder in the place of the stage `build`.
FROM scratch
# For TLS to other servers, such as `sslrootcert=system` of PostgreSQL.
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/cert.pem
COPY --from=build --chown=65532:65532 /empty /tmp
COPY --from=build --chown=65532:65532 /empty /data
COPY --from=build /source/target/x86_64-unknown-linux-musl/release/chaupal /chaupal

ENV CHAUPAL_ADDRESS=0.0.0.0 CHAUPAL_PORT=8000 CHAUPAL_DATA_DIR=/data
# A Rocket.toml beside the data is read.
WORKDIR /data
VOLUME /data
USER 65532:65532
EXPOSE 8000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=6s --start-period=60s --retries=3 CMD ["/chaupal", "healthcheck"]
ENTRYPOINT ["/chaupal"]
CMD ["serve"]

LABEL org.opencontainers.image.title="Chaupal" \
      org.opencontainers.image.description="A community in one binary: rooms that talk live." \
      org.opencontainers.image.version="0.1.0" \
      org.opencontainers.image.licenses="MIT"
