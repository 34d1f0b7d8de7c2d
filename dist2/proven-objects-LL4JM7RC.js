import { createRequire } from "node:module"; const require = createRequire(import.meta.url);
import {
  DmscdcError
} from "./chunk-AUUPOFDD.js";
import "./chunk-YBW5XDR7.js";

// src/objects/prove-conditional-put.ts
var provenKey = "_dmscdc/.conditional-put-proven";
var probeKey = (id) => `_dmscdc/.probe-${id}`;
var attemptsMax = 5;
async function proveConditionalPut(request) {
  const { store } = request;
  if (await store.head(provenKey) !== null) return;
  const endpoint = request.endpoint();
  const found = await probe(request, endpoint);
  if (found !== "refused") throw unfit(endpoint, found);
  await store.put(provenKey, Buffer.from(`${endpoint} refuses a second put with If-None-Match: *
`), { kind: "any" });
}
async function probe({ store, newId }, endpoint) {
  const keys = [];
  for (let attempt = 1; ; attempt++) {
    const key = probeKey(newId());
    keys.push(key);
    try {
      const found = await probeOnce(store, key);
      await store.deleteMany(keys);
      return found;
    } catch (thrown) {
      await store.deleteMany(keys).catch(() => {
      });
      const passing = thrown instanceof DmscdcError && thrown.kind === "unavailable";
      if (!passing || attempt === attemptsMax) throw namingEndpoint(endpoint, thrown);
    }
  }
}
async function probeOnce(store, key) {
  const [first, second] = ["first", "second"].map((text) => Buffer.from(text));
  if ((await store.put(key, first, { kind: "absent" })).kind !== "stored") return "refused although absent";
  const outcome = await store.put(key, second, { kind: "absent" });
  const found = await store.get(key);
  return outcome.kind === "precondition-failed" && found !== null && first.equals(found.body) ? "refused" : "stored";
}
function unfit(endpoint, found) {
  return new DmscdcError(
    "invalid-config",
    `S3 endpoint ${endpoint}: a second put of one key with If-None-Match: * was ${found}, expected it to be refused with 412`,
    {
      hint: "use AWS S3, or an S3 server that supports conditional writes: without them two runs could overwrite a commit"
    }
  );
}
function namingEndpoint(endpoint, thrown) {
  if (!(thrown instanceof DmscdcError)) return thrown;
  const { kind, message, hint, maybeApplied } = thrown;
  return new DmscdcError(kind, `S3 endpoint ${endpoint}: ${message}`, { hint, maybeApplied, cause: thrown });
}

// src/objects/proven-objects.ts
function provenObjects(request) {
  const { store } = request;
  let proof = null;
  return {
    ...store,
    async put(key, body, condition) {
      proof ??= proveConditionalPut(request).catch((thrown) => {
        proof = null;
        throw thrown;
      });
      await proof;
      return store.put(key, body, condition);
    }
  };
}
export {
  provenObjects
};
//# sourceMappingURL=proven-objects-LL4JM7RC.js.map
