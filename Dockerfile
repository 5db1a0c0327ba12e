# All of D-TA's processes and `dta`, for docker-compose.yaml. Not built in CI.
FROM node:24-bookworm-slim AS build
WORKDIR /app
# for custody by PKCS#11: the one package that is compiled
RUN apt-get update && apt-get install --yes --no-install-recommends g++ make python3 && rm -rf /var/lib/apt/lists/*
COPY . .
RUN npm ci --ignore-scripts && npm run build && npm run build:pkcs11

FROM node:24-bookworm-slim
WORKDIR /app
RUN useradd --system --uid 10001 dta && mkdir /state && chown dta /state
COPY --from=build /app /app
USER dta
