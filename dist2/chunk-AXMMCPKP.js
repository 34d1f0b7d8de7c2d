import { createRequire } from "node:module"; const require = createRequire(import.meta.url);

// src/domain.ts
var noChanges = { inserted: 0, updated: 0, deleted: 0, unchanged: 0, ignored: 0 };
var noProgress = {
  cursor: null,
  windowFrom: null,
  window: [],
  changeFilesTaken: 0,
  primaryKey: null,
  partitionKey: []
};
var allViews = ["delta", "manifest", "glue"];
function tableName(id) {
  return `${namePart(id.schema)}.${namePart(id.table)}`;
}
function parseTableName(text) {
  const match = /^(?:"((?:[^"]|"")+)"|([^".]+))\.(?:"((?:[^"]|"")+)"|([^".]+))$/su.exec(text);
  if (!match) return null;
  const schema = match[1]?.replaceAll('""', '"') ?? match[2];
  const table = match[3]?.replaceAll('""', '"') ?? match[4];
  return schema === void 0 || table === void 0 ? null : { schema, table };
}
function namePart(part) {
  return /[."]/u.test(part) ? `"${part.replaceAll('"', '""')}"` : part;
}
function compareBytes(a, b) {
  const left = new TextEncoder().encode(a);
  const right = new TextEncoder().encode(b);
  const shared = Math.min(left.length, right.length);
  for (let i = 0; i < shared; i++) {
    const difference = left[i] - right[i];
    if (difference !== 0) return difference;
  }
  return left.length - right.length;
}

export {
  noChanges,
  noProgress,
  allViews,
  tableName,
  parseTableName,
  compareBytes
};
//# sourceMappingURL=chunk-AXMMCPKP.js.map
