import { createRequire } from "node:module"; const require = createRequire(import.meta.url);
import {
  DmscdcError
} from "./chunk-AUUPOFDD.js";

// src/dispatch/aws-error.ts
function awsErrorName(thrown) {
  return thrown?.name ?? "";
}
function awsError(thrown, asked) {
  if (thrown instanceof DmscdcError) return thrown;
  const { name = "error", message = "", $metadata } = thrown ?? {};
  const status = $metadata?.httpStatusCode ?? 0;
  const isThrottled = status === 429 || /Throttl|TooManyRequests|LimitExceeded/u.test(name);
  const isRefused = status >= 400 && status < 500 && !isThrottled || /Credentials/u.test(name);
  return new DmscdcError(isRefused ? "invalid-config" : "unavailable", `${asked.subject}: ${name}: ${message}`, {
    hint: isRefused ? asked.hint : "run again; if it comes back, look at the state of the service in this region",
    cause: thrown
  });
}

export {
  awsErrorName,
  awsError
};
//# sourceMappingURL=chunk-S56KGHJP.js.map
