# Understudy in a container: `serve` beside an Envoy of its own, or `sim`, a simulated provider.
#
#     docker build -t understudy .
#
# Envoy speaks TLS to the providers, so this image needs no certificates; Envoy's does.

FROM rust:1.95-bookworm AS build
WORKDIR /src
COPY . .
RUN cargo build --release --locked --bin understudy

FROM debian:bookworm-slim
RUN useradd --system --uid 10001 --user-group --no-create-home --shell /usr/sbin/nologin understudy
COPY --from=build /src/target/release/understudy /usr/local/bin/understudy
USER 10001:10001
WORKDIR /etc/understudy
# 9900: the admin server. 9902: Envoy's side, with request bodies and provider keys in plain text: never publish it.
EXPOSE 9900 9902
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=5s --timeout=3s --start-period=10s --retries=3 CMD ["understudy", "status", "--ready"]
ENTRYPOINT ["understudy"]
CMD ["serve", "--config", "/etc/understudy/understudy.yaml"]
