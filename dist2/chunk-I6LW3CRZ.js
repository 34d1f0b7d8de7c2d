import { createRequire } from "node:module"; const require = createRequire(import.meta.url);

// src/own-process.ts
import { readlinkSync } from "node:fs";
function processMark() {
  return `${pidNamespace()}-${String(process.pid)}`;
}
function isOfDeadProcess(mark) {
  const [namespace, pid] = mark.split("-");
  return namespace === pidNamespace() && pid !== void 0 && !isAlive(Number(pid));
}
function pidNamespace() {
  try {
    return readlinkSync("/proc/self/ns/pid").replace(/\D/gu, "");
  } catch {
    return "0";
  }
}
function isAlive(pid) {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return error.code !== "ESRCH";
  }
}

export {
  processMark,
  isOfDeadProcess
};
//# sourceMappingURL=chunk-I6LW3CRZ.js.map
