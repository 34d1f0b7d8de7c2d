import { createRequire } from "node:module"; const require = createRequire(import.meta.url);

// src/state/same-json.ts
function sameJson(a, b) {
  if (a === b) return true;
  if (Array.isArray(a) && Array.isArray(b)) return a.length === b.length && a.every((item, i) => sameJson(item, b[i]));
  if (!isMap(a) || !isMap(b)) return false;
  return [.../* @__PURE__ */ new Set([...Object.keys(a), ...Object.keys(b)])].every((name) => sameJson(own(a, name), own(b, name)));
}
function meets(row, condition) {
  return Object.entries(condition).every(([name, expected]) => sameJson(own(row, name), expected));
}
function changed(row, change) {
  const removed = new Set(change.remove);
  const kept = Object.entries(row).filter(([name]) => !removed.has(name));
  return Object.fromEntries([...kept, ...Object.entries(change.set ?? {})]);
}
function isMap(value) {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
function own(map, name) {
  return Object.hasOwn(map, name) ? map[name] : void 0;
}

export {
  sameJson,
  meets,
  changed,
  isMap
};
//# sourceMappingURL=chunk-PM3ZNNKT.js.map
