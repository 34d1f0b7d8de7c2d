import { createRequire } from "node:module"; const require = createRequire(import.meta.url);

// src/objects/request-ledger.ts
import { AsyncLocalStorage } from "node:async_hooks";
var ledger = new AsyncLocalStorage();
function withLedger(onRequest, call) {
  return ledger.run(onRequest, call);
}
function currentLedger() {
  return ledger.getStore() ?? (() => {
  });
}

export {
  withLedger,
  currentLedger
};
//# sourceMappingURL=chunk-U3RK3BH7.js.map
