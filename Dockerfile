# The server as an image: what it needs to run, a user without rights, nothing of the build.
FROM node:20-bookworm-slim AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm install --global npm@11 && npm ci --no-audit --no-fund
COPY . .
# onnxruntime-node brings the libraries of all systems: 220 MB that Linux does not load.
RUN npm run build && npm prune --omit=dev --no-audit --no-fund \
  && rm -rf node_modules/onnxruntime-node/bin/napi-v*/darwin node_modules/onnxruntime-node/bin/napi-v*/win32

FROM node:20-bookworm-slim
ENV NODE_ENV=production \
    FUNGI_HOST=0.0.0.0 \
    FUNGI_PORT=8420 \
    FUNGI_INDEXES=/data/indexes \
    FUNGI_CACHE=/data/cache
WORKDIR /app
COPY --from=build /app/node_modules node_modules
COPY --from=build /app/dist dist
COPY --from=build /app/prompts prompts
COPY --from=build /app/models models
COPY --from=build /app/package.json /app/LICENSE /app/NOTICE ./
RUN mkdir -p /data/indexes /data/cache && chown -R node:node /data
USER node
VOLUME ["/data/indexes", "/data/cache"]
EXPOSE 8420
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=120s \
  CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.FUNGI_PORT}/livez`).then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
# Exec form: the signal reaches the server. Without FUNGI_API_KEYS it refuses to listen beyond the container.
ENTRYPOINT ["node", "dist/cli/main.js"]
CMD ["serve"]
