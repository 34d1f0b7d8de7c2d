import { createRequire } from "node:module"; const require = createRequire(import.meta.url);
import {
  DmscdcError
} from "./chunk-AUUPOFDD.js";

// src/objects/keys.ts
function checkKey(key) {
  const wrong = key.split("/").find((segment) => !isSegment(segment));
  if (wrong === void 0) return;
  throw new DmscdcError(
    "invalid-config",
    `object key ${JSON.stringify(key)}: has the segment ${JSON.stringify(wrong)}, expected a name`,
    {
      hint: "rename the schema, table or column that this key is made of"
    }
  );
}
function isSegment(text) {
  return text !== "" && text !== "." && text !== ".." && !text.includes("\0");
}
function shownKey(key) {
  return JSON.stringify(key.replace(/([^/=]+)=[^/]*(?=\/)/gu, "$1=\u2026"));
}

// src/objects/file-error.ts
function hasCode(thrown, ...codes) {
  return codes.includes(codeOf(thrown));
}
function isMissing(thrown) {
  return hasCode(thrown, "ENOENT", "ENOTDIR", "ENAMETOOLONG");
}
function fileError(thrown, subject, options) {
  if (thrown instanceof DmscdcError) return thrown;
  const reason = thrown instanceof Error ? thrown.message.replace(/,? [a-z]+ '.*$/su, "") : String(thrown);
  return new DmscdcError("unavailable", `${subject}: ${reason}`, {
    hint: hintFor(codeOf(thrown), options.place),
    cause: thrown,
    maybeApplied: options.maybeApplied
  });
}
function hintFor(code, place) {
  switch (code) {
    case "EACCES":
    case "EPERM":
    case "EROFS":
      return `give the user who runs dmscdc the right to read and write ${place}, on a file system with hard links`;
    case "ENOSPC":
    case "EDQUOT":
      return `free space on the disk of ${place}, then run again`;
    case "EMFILE":
    case "ENFILE":
      return "raise the limit of open files (ulimit -n), then run again";
    case "ENOTDIR":
    case "EISDIR":
    case "EEXIST":
    case "ENAMETOOLONG":
      return `move what stands in the way below ${place}: there a name is either a file or a folder, of at most 255 bytes`;
    default:
      return `check the disk of ${place}, then run again`;
  }
}
function codeOf(thrown) {
  return thrown instanceof Error && "code" in thrown ? String(thrown.code) : "";
}

// src/objects/ranges.ts
function spanOf(sizeBytes, range) {
  if (range === void 0) return { start: 0, length: sizeBytes };
  const start = Math.min(range.start < 0 ? Math.max(0, sizeBytes + range.start) : range.start, sizeBytes);
  return { start, length: Math.max(0, Math.min(range.length, sizeBytes - start)) };
}

export {
  hasCode,
  isMissing,
  fileError,
  checkKey,
  isSegment,
  shownKey,
  spanOf
};
//# sourceMappingURL=chunk-NFVZZ5P6.js.map
