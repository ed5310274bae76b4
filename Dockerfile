# Targets: control (workflows, cleaning, advice; no TensorFlow) and trainer (adds TensorFlow and its addon).
FROM node:24-bookworm-slim AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci
COPY . .
RUN npm run build && npm prune --omit=dev

FROM node:24-bookworm-slim AS control
ENV NODE_ENV=production DETDISTILL_HOME=/var/lib/detdistill
RUN mkdir -p /app $DETDISTILL_HOME/runs /data \
  && chown -R node:node /app $DETDISTILL_HOME \
  && printf '#!/bin/sh\nexec node /app/bin/detdistill.mjs "$@"\n' > /usr/local/bin/detdistill \
  && chmod +x /usr/local/bin/detdistill
WORKDIR /app
USER node
COPY --from=build --chown=node:node /app/package.json ./
COPY --from=build --chown=node:node /app/bin ./bin
COPY --from=build --chown=node:node /app/configs ./configs
COPY --from=build --chown=node:node /app/node_modules ./node_modules
COPY --from=build --chown=node:node /app/dist ./dist
COPY --from=build --chown=node:node /app/src/export/modelarts/customize_service.py ./src/export/modelarts/
ENTRYPOINT ["detdistill"]
CMD ["--help"]

FROM control AS trainer
# --gpu: TensorFlow for NVIDIA GPUs with its CUDA libraries; the machine brings the driver.
ARG SETUP_FLAGS=""
USER root
# Set-up fetches TensorFlow with pip and compiles its addon.
RUN apt-get update \
  && apt-get install --yes --no-install-recommends ca-certificates g++ python3-pip \
  && rm -rf /var/lib/apt/lists/*
USER node
RUN detdistill setup $SETUP_FLAGS
