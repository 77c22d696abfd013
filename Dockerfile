FROM node:24-slim AS build
WORKDIR /app
COPY package.json package-lock.json ./
RUN npm ci
COPY . .
# The compiler opens dist/ to its owner alone.
RUN npm run build && chmod -R a+rX dist

# Without the embedded PostgreSQL, which is an optional dependency: set CERTPLANE_DATABASE_URL.
FROM node:24-slim AS dependencies
WORKDIR /app
COPY package.json package-lock.json ./
RUN npm ci --omit=dev --omit=optional

FROM node:24-slim
ENV NODE_ENV=production CERTPLANE_DATA_DIR=/data CERTPLANE_HOST=0.0.0.0
WORKDIR /app
COPY --from=dependencies /app/node_modules node_modules
COPY --from=build /app/dist dist
COPY bin bin
COPY package.json LICENSE ./
RUN install -d -o node -g node -m 0750 /data
USER node
VOLUME /data
EXPOSE 8443 8080
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.CERTPLANE_PKI_HTTP_PORT || 8080}/.well-known/pki/ca/iss-local`).then((answer) => process.exit(answer.ok ? 0 : 1), () => process.exit(1))"]
CMD ["node", "--enable-source-maps", "dist/src/main.js"]
