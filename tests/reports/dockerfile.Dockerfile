# syntax=docker/dockerfile:1
# escape=\

# The version of Go.
ARG GO=1.24
FROM --platform=$BUILDPLATFORM golang:${GO} AS build
WORKDIR /src
COPY . .
RUN --mount=type=cache,target=/root/.cache \
    # tests are run elsewhere
    go build -o /web . && \

    strip /web

from debian:12-slim
LABEL org.opencontainers.image.vendor="Example" \
      maintainer='web@example.org'
COPY --from=build /web /usr/bin/web
COPY <<web.conf <<-"hosts" /etc/
listen = 8443
user = root
web.conf
	127.0.0.1 db
	hosts
RUN cat <<EOF >> /etc/motd
USER root
FROM scratch
EOF
ONBUILD RUN <<EOF
apt-get update
EOF
EXPOSE 8443/tcp
HEALTHCHECK --interval=30s CMD ["curl", "-f", "https://localhost:8443/health"]
USER web
ENTRYPOINT []
CMD ["/usr/bin/web"]
