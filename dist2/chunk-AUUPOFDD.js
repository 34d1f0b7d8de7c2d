import { createRequire } from "node:module"; const require = createRequire(import.meta.url);

// src/errors.ts
var errorPolicy = {
  "invalid-config": { status: "held" },
  "bad-landing": { status: "held" },
  "corrupt-lake": { status: "held" },
  conflict: { status: "failed" },
  unavailable: { status: "failed" },
  bug: { status: "failed" }
};
var DmscdcError = class extends Error {
  kind;
  hint;
  /** For a write whose answer was lost: it may have been applied. False: it certainly was not. */
  maybeApplied;
  /** The engine's memory did not suffice; with less beside it the same work may do. */
  outOfMemory;
  constructor(kind, message, options) {
    super(message, options.cause === void 0 ? void 0 : { cause: options.cause });
    this.name = "DmscdcError";
    this.kind = kind;
    this.hint = options.hint;
    this.maybeApplied = options.maybeApplied ?? false;
    this.outOfMemory = options.outOfMemory ?? false;
  }
};
function asDmscdcError(thrown) {
  if (thrown instanceof DmscdcError) return thrown;
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  return new DmscdcError("bug", message, { hint: "run again with --verbose and report the trace", cause: thrown });
}
var UsageError = class extends Error {
  hint;
  constructor(message, hint) {
    super(message);
    this.name = "UsageError";
    this.hint = hint;
  }
};

export {
  errorPolicy,
  DmscdcError,
  asDmscdcError,
  UsageError
};
//# sourceMappingURL=chunk-AUUPOFDD.js.map
