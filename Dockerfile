# D-TA's two images: `roles` (principal, beneficiary, fiduciary, gateway) and `cli` (`dta`, and the scripts of docker-compose.yaml).
#
#   docker build -t dta .
#   docker build -t dta-cli --target cli .
#
# They hold what runs and no more: Node, production dependencies, compiled code (tools/images/production.mjs). They run as user
# 10001, need no right and no writable root, and write to what is mounted alone. `npm run images` builds them too, also where no
# registry can be reached.
ARG BASE=debian:bookworm-slim
ARG NODE=node:24-bookworm-slim

FROM ${NODE} AS build
WORKDIR /src
# for custody by PKCS#11: the one package that is compiled
RUN apt-get update && apt-get install --yes --no-install-recommends g++ make python3 && rm -rf /var/lib/apt/lists/*
COPY . .
RUN npm ci --ignore-scripts && npm run build && npm run build:pkcs11 && node tools/images/production.mjs /out

FROM ${BASE} AS shared
RUN echo 'dta:x:10001:10001:D-TA:/state:/usr/sbin/nologin' >> /etc/passwd && echo 'dta:x:10001:' >> /etc/group \
  && install --directory --owner=10001 --group=10001 --mode=700 /state
COPY --from=build /out/node /usr/local/bin/node
COPY --from=build /out/shared /app
ENV NODE_ENV=production
WORKDIR /app
USER 10001:10001
ARG VERSION=unknown
ARG REVISION=unknown
LABEL org.opencontainers.image.version="${VERSION}" org.opencontainers.image.revision="${REVISION}" \
  org.opencontainers.image.licenses="Apache-2.0" org.opencontainers.image.vendor="D-TA"

FROM shared AS cli
COPY --from=build /out/cli /app
ENV PATH=/app/bin:/usr/local/bin:/usr/bin:/bin
CMD ["dta", "--help"]
LABEL org.opencontainers.image.title="dta-cli" org.opencontainers.image.description="D-TA's command line, dta"

FROM shared AS roles
COPY --from=build /out/roles /app
# shown inside the container alone, unless METRICS_HOST says otherwise
ENV METRICS_PORT=9464
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s CMD ["node", "health.mjs"]
LABEL org.opencontainers.image.title="dta" org.opencontainers.image.description="D-TA's roles and gateway"
