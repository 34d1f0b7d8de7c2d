import { createRequire } from "node:module"; const require = createRequire(import.meta.url);
import "./chunk-YBW5XDR7.js";

// src/objects/s3-client.ts
import { S3Client } from "@aws-sdk/client-s3";
var connectMs = 5e3;
var defaultIdleMs = 6e4;
var silent = { debug() {
}, info() {
}, warn() {
}, error() {
} };
function s3Client({ idleMs = defaultIdleMs, ...options } = {}) {
  const client = new S3Client({
    ...options,
    maxAttempts: 1,
    logger: silent,
    // With the header, each large body would have a connection of its own, and wait where a proxy swallows the go-ahead.
    expectContinueHeader: false,
    requestHandler: {
      connectionTimeout: connectMs,
      socketTimeout: idleMs,
      // A request that waited for a free connection would be taken for one that cannot connect.
      httpAgent: { maxSockets: Number.POSITIVE_INFINITY },
      httpsAgent: { maxSockets: Number.POSITIVE_INFINITY }
    }
  });
  if (options.forcePathStyle === void 0) usePathsOnOwnEndpoints(client);
  client.middlewareStack.add(
    (next) => (args) => {
      hostsAsked.set(client, hostOf(args.request));
      return next(args);
    },
    { step: "deserialize", priority: "low", name: "rememberHost" }
  );
  return client;
}
function usePathsOnOwnEndpoints(client) {
  const { config } = client;
  const isOwn = async () => config.isCustomEndpoint === true || await config.serviceConfiguredEndpoint?.() !== void 0;
  Object.assign(config, { forcePathStyle: isOwn });
}
var hostsAsked = /* @__PURE__ */ new WeakMap();
function endpointName(client) {
  return hostsAsked.get(client) ?? null;
}
function hostOf(request) {
  const { protocol, hostname, port } = request;
  return `${protocol}//${hostname}${port === void 0 ? "" : `:${port}`}`;
}
export {
  endpointName,
  s3Client
};
//# sourceMappingURL=s3-client-OTRPX7SS.js.map
