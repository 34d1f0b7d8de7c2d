import { createRequire } from "node:module"; const require = createRequire(import.meta.url);
import {
  checkKey,
  fileError,
  shownKey,
  spanOf
} from "./chunk-NFVZZ5P6.js";
import {
  currentLedger
} from "./chunk-U3RK3BH7.js";
import {
  pLimit
} from "./chunk-REN7AKN7.js";
import {
  compareBytes
} from "./chunk-AXMMCPKP.js";
import {
  DmscdcError
} from "./chunk-AUUPOFDD.js";
import "./chunk-YBW5XDR7.js";

// src/objects/s3-copy.ts
import { CopyObjectCommand, UploadPartCopyCommand } from "@aws-sdk/client-s3";

// src/objects/s3-error.ts
import { S3ServiceException } from "@aws-sdk/client-s3";
var throttled = ["SlowDown", "SlowDownRead", "SlowDownWrite", "RequestLimitExceeded", "TooManyRequestsException"];
var throttledByKms = ["ThrottlingException", "Throttling", "RequestThrottled", "KMS.ThrottlingException"];
var passing = [
  "ConditionalRequestConflict",
  "OperationAborted",
  "RequestTimeout",
  "RequestTimeTooSkewed",
  "BadDigest",
  "IncompleteBody",
  "XAmzContentSHA256Mismatch",
  "XAmzContentChecksumMismatch"
];
function failureOf(thrown) {
  if (thrown instanceof DmscdcError) return { retry: "never", applied: thrown.maybeApplied ? "maybe" : "no" };
  const name = nameOf(thrown);
  const status = statusOf(thrown);
  if (throttled.includes(name) || throttledByKms.includes(name) || status === 429) {
    return { retry: "slowly", applied: "no" };
  }
  if (passing.includes(name) || lacksCredentials(thrown) || status === 408 || status === 409)
    return { retry: "soon", applied: "no" };
  if (status === 501) return { retry: "never", applied: "no" };
  if (status >= 300 && status < 500) return { retry: wasRead(thrown) ? "never" : "soon", applied: "no" };
  if (status === 503) return { retry: "slowly", applied: "maybe" };
  return { retry: "soon", applied: neverConnected(thrown) ? "no" : "maybe" };
}
function isAnswer(thrown, ...codes) {
  return wasRead(thrown) && codes.includes(nameOf(thrown));
}
function isMissingObject(thrown) {
  return isAnswer(thrown, "NoSuchKey", "NotFound");
}
function isPreconditionFailed(thrown) {
  return isAnswer(thrown, "PreconditionFailed") || statusOf(thrown) === 412;
}
function subjectText({ action, bucket, key }) {
  return `${action} ${shownKey(`s3://${bucket}/${key}`)}`;
}
function s3Error(thrown, subject, maybeApplied) {
  if (thrown instanceof DmscdcError) return thrown;
  const hint = configurationHint(thrown, subject);
  return new DmscdcError(
    hint === null ? "unavailable" : "invalid-config",
    `${subjectText(subject)}: ${reasonOf(thrown)}`,
    { hint: hint ?? passingHint(thrown), cause: thrown, maybeApplied }
  );
}
function unsentError(thrown, subject) {
  if (thrown instanceof DmscdcError || lacksCredentials(thrown)) return thrown;
  return new DmscdcError("invalid-config", `${subjectText(subject)}: was not sent: ${reasonOf(thrown)}`, {
    hint: "check AWS_REGION, AWS_ENDPOINT_URL and AWS_PROFILE",
    cause: thrown
  });
}
function configurationHint(thrown, { action, bucket }) {
  const name = nameOf(thrown);
  const status = statusOf(thrown);
  if (name === "NoSuchBucket") return `create the bucket ${bucket}, or correct its name in --landing or --lake`;
  if (lacksCredentials(thrown))
    return "give the task an IAM role, or name a profile that exists by AWS_PROFILE, or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY";
  if (expired.includes(name)) return "renew the AWS credentials, then run again";
  if (status === 301 || name === "AuthorizationHeaderMalformed") return regionHint(thrown, bucket);
  if (name.startsWith("KMS."))
    return `check the KMS key that the bucket ${bucket} encrypts with, and the right to use it`;
  if ((status === 401 || status === 403) && wasRead(thrown)) {
    return `allow ${permissionOf(action)} on the bucket ${bucket} (and its KMS key) to the role that dmscdc runs as, and check the expected bucket owner`;
  }
  if (status === 501) return `use an S3 endpoint that supports ${action} with all of its headers`;
  if (name === "KeyTooLongError") return "shorten the schema, table or partition values that this key is made of";
  return null;
}
var credentialAttemptsMax = 3;
function lacksCredentials(thrown) {
  return ["CredentialsProviderError", "ProviderError", "TokenProviderError"].includes(nameOf(thrown));
}
var expired = ["ExpiredToken", "ExpiredTokenException", "InvalidToken", "InvalidAccessKeyId", "SignatureDoesNotMatch"];
function regionHint(thrown, bucket) {
  const region = thrown instanceof S3ServiceException ? thrown.$response?.headers["x-amz-bucket-region"] : void 0;
  return `set AWS_REGION to the region of the bucket ${bucket}${region === void 0 ? "" : `, ${region}`}`;
}
function permissionOf(action) {
  const permissions = {
    ListObjectsV2: "s3:ListBucket",
    HeadObject: "s3:GetObject and s3:ListBucket",
    GetObject: "s3:GetObject and s3:ListBucket",
    CopyObject: "s3:GetObject and s3:PutObject",
    DeleteObjects: "s3:DeleteObject"
  };
  return permissions[action] ?? `s3:${action}`;
}
function passingHint(thrown) {
  if (failureOf(thrown).retry === "slowly")
    return "run again later, or with a lower --concurrency: S3 asks for fewer requests";
  return statusOf(thrown) === 0 ? "check the network between this machine and the S3 endpoint, then run again" : "run again; if it stays, look up the error code in the S3 API reference";
}
function reasonOf(thrown) {
  const status = statusOf(thrown);
  const message = (thrown instanceof Error ? thrown.message : String(thrown)).split("\n")[0] ?? "";
  if (status === 0) return message === "" ? codeOf(thrown) : message;
  const text = [nameOf(thrown), message].filter((part) => part !== "" && part !== "UnknownError");
  return `answered ${status} ${[...new Set(text)].join(": ")}`.trimEnd();
}
function wasRead(thrown) {
  return thrown instanceof S3ServiceException;
}
function nameOf(thrown) {
  return thrown instanceof Error ? thrown.name : "";
}
function statusOf(thrown) {
  const metadata = thrown?.$metadata;
  return metadata?.httpStatusCode ?? 0;
}
function neverConnected(thrown) {
  if (thrown instanceof AggregateError) return thrown.errors.length > 0 && thrown.errors.every(neverConnected);
  const syscall = thrown?.syscall;
  return syscall === "connect" || syscall === "getaddrinfo";
}
function codeOf(thrown) {
  return String(thrown?.code ?? nameOf(thrown));
}

// src/objects/s3-multipart.ts
import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand
} from "@aws-sdk/client-s3";

// src/objects/s3-condition.ts
function conditionHeaders(condition) {
  switch (condition.kind) {
    case "any":
      return {};
    case "absent":
      return { IfNoneMatch: "*" };
    case "match":
      return { IfMatch: `"${condition.etag}"` };
  }
}
function conditionEffect(condition) {
  return condition.kind === "any" ? "repeatable" : "once";
}
function conditionRefused(thrown, condition) {
  const failed = isPreconditionFailed(thrown) || condition.kind === "match" && isMissingObject(thrown);
  return failed ? { kind: "precondition-failed" } : void 0;
}

// src/objects/s3-info.ts
function infoOfHeaders(key, output) {
  const whole = /\/(\d+)$/u.exec(output.ContentRange ?? "")?.[1];
  return {
    key,
    sizeBytes: whole === void 0 ? output.ContentLength ?? 0 : Number(whole),
    modifiedMs: wholeSecondMs(output.LastModified),
    etag: etagText(output.ETag)
  };
}
function wholeSecondMs(date) {
  return Math.floor((date?.getTime() ?? 0) / 1e3) * 1e3;
}
function etagText(etag) {
  return (etag ?? "").replace(/^"(.*)"$/su, "$1");
}

// src/objects/s3-request.ts
import { setTimeout as sleep } from "node:timers/promises";
var onceAttemptsMax = 3;
var deadlineMs = 3e4;
var bytesPerMsMin = 256;
function transferMs(bytes) {
  return deadlineMs + Math.ceil(bytes / bytesPerMsMin);
}
async function request(s3, asked) {
  const subject = { action: asked.action, bucket: s3.bucket, key: asked.key };
  const attemptsMax = asked.effect === "once" ? Math.min(onceAttemptsMax, s3.limits.attemptsMax) : s3.limits.attemptsMax;
  let inDoubt = false;
  for (let attempt = 1; ; attempt++) {
    try {
      return await sendOnce(s3, asked, subject);
    } catch (thrown) {
      const answer = asked.refused?.(thrown);
      if (answer !== void 0) return answer;
      const { retry, applied } = failureOf(thrown);
      inDoubt ||= asked.effect !== "none" && applied === "maybe";
      const triesMax = lacksCredentials(thrown) ? Math.min(credentialAttemptsMax, attemptsMax) : attemptsMax;
      const ended = retry === "never" || attempt >= triesMax || inDoubt && asked.effect === "once";
      if (ended) throw s3Error(thrown, subject, inDoubt);
      await sleep(backOffMs(retry, attempt));
    }
  }
}
function backOffMs(retry, attempt) {
  const [baseMs, maxMs] = retry === "soon" ? [100, 5e3] : [500, 2e4];
  return Math.random() * Math.min(maxMs, baseMs * 2 ** (attempt - 1));
}
async function sendOnce(s3, asked, subject) {
  const { command, stream } = await asked.command();
  const stop = new AbortController();
  const deadline = deadlineOf(stop, subject);
  stream?.once(
    "error",
    (thrown) => stop.abort(fileError(thrown, `put ${shownKey(asked.key)}`, { place: s3.scratchDir, maybeApplied: false }))
  );
  let sent = false;
  reportSending(command, () => {
    sent = true;
    s3.onRequest(asked.verb);
  });
  try {
    deadline.allowMs(asked.deadlineMs ?? deadlineMs);
    return await asked.read(await s3.client.send(command, { abortSignal: stop.signal }), deadline.allowMs);
  } catch (thrown) {
    const why = stop.signal.aborted ? stop.signal.reason : thrown;
    stop.abort();
    throw sent ? why : unsentError(why, subject);
  } finally {
    deadline.clear();
    stream?.destroy();
  }
}
function deadlineOf(stop, subject) {
  let timer;
  return {
    allowMs(ms) {
      clearTimeout(timer);
      timer = setTimeout(() => stop.abort(new Error(`${subjectText(subject)} did not end within ${ms} ms`)), ms);
    },
    clear: () => clearTimeout(timer)
  };
}
function reportSending(command, onSending) {
  command.middlewareStack.add(
    (next) => (args) => {
      onSending();
      return next(args);
    },
    { step: "deserialize", priority: "low", name: "reportSending" }
  );
}
function brokenAnswer(expectedBytes, foundBytes) {
  return new Error(`the answer ended after ${foundBytes} of ${expectedBytes} bytes`);
}
function neverTheSame(s3, key) {
  return new DmscdcError(
    "unavailable",
    `${subjectText({ action: "GetObject", bucket: s3.bucket, key })}: was replaced each time while it was read`,
    {
      hint: "find out what writes this object all the time, then run again"
    }
  );
}

// src/objects/s3-multipart.ts
var partsMax = 1e4;
var partsAtOnce = 4;
var uploadsMax = 3;
var completeMs = 6e5;
async function uploadByParts(s3, upload) {
  for (let attempt = 1; attempt <= uploadsMax; attempt++) {
    const outcome = await uploadOnce(s3, upload);
    if (outcome.kind !== "void") return outcome;
  }
  const subject = { action: "CompleteMultipartUpload", bucket: s3.bucket, key: s3.prefix + upload.key };
  throw new DmscdcError("unavailable", `${subjectText(subject)}: conflicted with another writer ${uploadsMax} times`, {
    hint: "find out what else writes this object, then run again",
    maybeApplied: conditionEffect(upload.condition) === "repeatable"
  });
}
async function uploadOnce(s3, upload) {
  const uploadId = await create(s3, upload);
  let outcome = { kind: "void" };
  try {
    outcome = await complete(s3, upload, uploadId, await sendParts(upload, uploadId));
    return outcome;
  } finally {
    if (outcome.kind !== "stored") await abort(s3, upload, uploadId);
  }
}
async function create(s3, { key, verb }) {
  const withChecksums = await s3.client.config.requestChecksumCalculation() === "WHEN_SUPPORTED";
  return request(s3, {
    verb,
    action: "CreateMultipartUpload",
    key: s3.prefix + key,
    effect: "none",
    command: () => ({
      command: new CreateMultipartUploadCommand({
        Bucket: s3.bucket,
        Key: s3.prefix + key,
        ChecksumAlgorithm: withChecksums ? "CRC32" : void 0,
        ...s3.encryption,
        ...s3.owner
      })
    }),
    read: (output) => {
      if (output.UploadId === void 0) throw new Error("the answer has no upload id");
      return output.UploadId;
    }
  });
}
async function sendParts(upload, uploadId) {
  const limit = pLimit(partsAtOnce);
  let failed = false;
  const sent = spansOf(upload).map(
    (span, at) => limit(async () => {
      if (failed) return {};
      try {
        return await upload.sendPart({ uploadId, partNumber: at + 1, span });
      } catch (thrown) {
        failed = true;
        throw thrown;
      }
    })
  );
  await Promise.allSettled(sent);
  return Promise.all(sent);
}
function spansOf({ sizeBytes, partBytes }) {
  const length = Math.max(partBytes, Math.ceil(sizeBytes / partsMax));
  return Array.from({ length: Math.ceil(sizeBytes / length) }, (_, at) => ({
    start: at * length,
    length: Math.min(length, sizeBytes - at * length)
  }));
}
function complete(s3, upload, uploadId, parts) {
  const { key, condition, verb } = upload;
  return request(s3, {
    verb,
    action: "CompleteMultipartUpload",
    key: s3.prefix + key,
    effect: conditionEffect(condition),
    deadlineMs: completeMs,
    command: () => ({
      command: new CompleteMultipartUploadCommand({
        Bucket: s3.bucket,
        Key: s3.prefix + key,
        UploadId: uploadId,
        MultipartUpload: { Parts: parts },
        ...conditionHeaders(condition),
        ...s3.owner
      })
    }),
    read: (output) => ({ kind: "stored", etag: etagText(output.ETag) }),
    refused: (thrown) => {
      if (statusOf(thrown) === 409 || isAnswer(thrown, "NoSuchUpload")) return { kind: "void" };
      return conditionRefused(thrown, condition);
    }
  });
}
async function abort(s3, { key }, uploadId) {
  await request(s3, {
    verb: "delete",
    action: "AbortMultipartUpload",
    key: s3.prefix + key,
    effect: "none",
    command: () => ({
      command: new AbortMultipartUploadCommand({
        Bucket: s3.bucket,
        Key: s3.prefix + key,
        UploadId: uploadId,
        ...s3.owner
      })
    }),
    read: () => {
    }
  }).catch(() => {
  });
}
function donePart(partNumber, output) {
  const { ETag, ChecksumCRC32 } = output;
  return { PartNumber: partNumber, ETag, ChecksumCRC32 };
}

// src/objects/s3-read.ts
import { GetObjectCommand, HeadObjectCommand } from "@aws-sdk/client-s3";
var readsOfAChangingObjectMax = 5;
function headObject(s3, key) {
  return request(s3, {
    verb: "get",
    action: "HeadObject",
    key: s3.prefix + key,
    effect: "none",
    command: () => ({ command: new HeadObjectCommand({ Bucket: s3.bucket, Key: s3.prefix + key, ...s3.owner }) }),
    read: (output) => infoOfHeaders(key, output),
    refused: (thrown) => isMissingObject(thrown) ? null : void 0
  });
}
async function getObject(s3, key, range) {
  if (range === void 0) return await getBytes(s3, key, {});
  const header = rangeHeader(range);
  if (header !== null) {
    const found = await getBytes(s3, key, { range: header });
    if (found !== "outside") return found === null ? null : cutIfWhole(found, range);
  }
  return getBySize(s3, key, range);
}
function cutIfWhole(found, range) {
  if (!found.isWhole) return found;
  const { start, length } = spanOf(found.info.sizeBytes, range);
  return { body: found.body.subarray(start, start + length), info: found.info };
}
function rangeHeader({ start, length }) {
  if (length <= 0) return null;
  if (start >= 0) return `bytes=${start}-${start + length - 1}`;
  return length >= -start ? `bytes=${start}` : null;
}
async function getBySize(s3, key, range) {
  for (let attempt = 0; attempt < readsOfAChangingObjectMax; attempt++) {
    const info = await headObject(s3, key);
    if (info === null) return null;
    const { start, length } = spanOf(info.sizeBytes, range);
    if (length === 0) return { body: new Uint8Array(), info };
    const found = await getBytes(s3, key, { range: `bytes=${start}-${start + length - 1}` });
    if (found !== null && found !== "outside" && found.info.etag === info.etag) {
      return cutIfWhole(found, { start, length });
    }
  }
  throw neverTheSame(s3, s3.prefix + key);
}
function getBytes(s3, key, { range }) {
  return request(s3, {
    verb: "get",
    action: "GetObject",
    key: s3.prefix + key,
    effect: "none",
    command: () => ({
      command: new GetObjectCommand({ Bucket: s3.bucket, Key: s3.prefix + key, Range: range, ...s3.owner })
    }),
    read: async (output, allowMs) => {
      allowMs(transferMs(output.ContentLength ?? 0));
      const body = await bodyBytes(output);
      return { body, info: infoOfHeaders(key, output), isWhole: output.ContentRange === void 0 };
    },
    refused: (thrown) => {
      if (isMissingObject(thrown)) return null;
      return isAnswer(thrown, "InvalidRange") || statusOf(thrown) === 416 ? "outside" : void 0;
    }
  });
}
async function bodyBytes(output) {
  const body = await output.Body?.transformToByteArray() ?? new Uint8Array();
  if (output.ContentLength !== void 0 && output.ContentLength !== body.length) {
    throw brokenAnswer(output.ContentLength, body.length);
  }
  return body;
}

// src/objects/s3-copy.ts
var copyMs = 6e5;
async function copyObject(s3, from, to) {
  if (from === to) return await headObject(s3, from) === null ? "missing" : "copied";
  const copied = await copyAtOnce(s3, from, to);
  if (typeof copied === "string") return copied;
  const info = await headObject(s3, from);
  if (info === null) return "missing";
  if (info.sizeBytes > s3.limits.copyBytesMax) return copyByParts(s3, info, to);
  throw s3Error(copied.refusal, { action: "CopyObject", bucket: s3.bucket, key: s3.prefix + to }, false);
}
function copyAtOnce(s3, from, to) {
  return request(s3, {
    verb: "copy",
    action: "CopyObject",
    key: s3.prefix + to,
    effect: "repeatable",
    deadlineMs: copyMs,
    command: () => ({
      command: new CopyObjectCommand({
        Bucket: s3.bucket,
        Key: s3.prefix + to,
        CopySource: copySource(s3, from),
        ...s3.encryption,
        ...ownerOfBoth(s3)
      })
    }),
    read: () => "copied",
    refused: (thrown) => {
      if (isMissingObject(thrown)) return "missing";
      return isAnswer(thrown, "InvalidRequest") ? { refusal: thrown } : void 0;
    }
  });
}
async function copyByParts(s3, source, to) {
  const outcome = await uploadByParts(s3, {
    key: to,
    sizeBytes: source.sizeBytes,
    partBytes: s3.limits.copyPartBytes,
    condition: { kind: "any" },
    verb: "copy",
    sendPart: partCopier(s3, source, to)
  });
  if (outcome.kind === "stored") return "copied";
  throw neverTheSame(s3, s3.prefix + source.key);
}
function partCopier(s3, source, to) {
  return async ({ uploadId, partNumber, span }) => {
    const part = await request(s3, {
      verb: "copy",
      action: "UploadPartCopy",
      key: s3.prefix + to,
      effect: "none",
      deadlineMs: copyMs,
      command: () => ({
        command: new UploadPartCopyCommand({
          Bucket: s3.bucket,
          Key: s3.prefix + to,
          UploadId: uploadId,
          PartNumber: partNumber,
          CopySource: copySource(s3, source.key),
          CopySourceIfMatch: `"${source.etag}"`,
          CopySourceRange: `bytes=${span.start}-${span.start + span.length - 1}`,
          ...ownerOfBoth(s3)
        })
      }),
      read: (output) => donePart(partNumber, output.CopyPartResult ?? {}),
      refused: (thrown) => isPreconditionFailed(thrown) || isMissingObject(thrown) ? null : void 0
    });
    if (part === null) throw neverTheSame(s3, s3.prefix + source.key);
    return part;
  };
}
function copySource(s3, key) {
  return [s3.bucket, ...(s3.prefix + key).split("/")].map(encodeURIComponent).join("/");
}
function ownerOfBoth({ owner }) {
  return { ...owner, ExpectedSourceBucketOwner: owner.ExpectedBucketOwner };
}

// src/objects/s3-delete.ts
import { DeleteObjectCommand, DeleteObjectsCommand, S3ServiceException as S3ServiceException2 } from "@aws-sdk/client-s3";
var keysPerRequest = 1e3;
var unfitForXml = /[\0-\x08\x0b-\x1f\ufffe\uffff]/u;
async function deleteObjects(s3, keys) {
  const fit = keys.filter((key) => !unfitForXml.test(key));
  const progress = { begun: false };
  try {
    for (let at = 0; at < fit.length; at += keysPerRequest) {
      await deleteChunk(s3, fit.slice(at, at + keysPerRequest), progress);
    }
    for (const key of keys.filter((key2) => unfitForXml.test(key2))) await deleteOne(s3, key, progress);
  } catch (thrown) {
    throw progress.begun ? asBegun(thrown) : thrown;
  }
}
async function deleteChunk(s3, keys, progress) {
  let left = keys.map((key) => s3.prefix + key);
  await request(s3, {
    verb: "delete",
    action: "DeleteObjects",
    key: s3.prefix + keys[0],
    effect: "repeatable",
    command: () => ({
      command: new DeleteObjectsCommand({
        Bucket: s3.bucket,
        Delete: { Objects: left.map((Key) => ({ Key })), Quiet: true },
        ...s3.owner
      })
    }),
    read: (output) => {
      progress.begun = true;
      const errors = (output.Errors ?? []).filter(({ Code }) => Code !== "NoSuchKey");
      if (errors.length === 0) return;
      left = errors.map(({ Key }) => Key ?? "").filter((key) => key !== "");
      throw keyError(errors);
    }
  });
}
async function deleteOne(s3, key, progress) {
  await request(s3, {
    verb: "delete",
    action: "DeleteObject",
    key: s3.prefix + key,
    effect: "repeatable",
    command: () => ({
      command: new DeleteObjectCommand({ Bucket: s3.bucket, Key: s3.prefix + key, ...s3.owner })
    }),
    read: () => {
      progress.begun = true;
    }
  });
}
var statuses = {
  InternalError: 500,
  ServiceUnavailable: 503,
  SlowDown: 503,
  AccessDenied: 403
};
function keyError(errors) {
  const statusOf2 = ({ Code }) => statuses[Code ?? ""] ?? 400;
  const [worst] = [...errors].sort((a, b) => statusOf2(a) - statusOf2(b));
  const status = statusOf2(worst);
  return new S3ServiceException2({
    name: worst?.Code ?? "InternalError",
    message: `${errors.length} keys were not deleted: ${worst?.Message ?? ""}`,
    $fault: status < 500 ? "client" : "server",
    $metadata: { httpStatusCode: status }
  });
}
function asBegun(thrown) {
  if (!(thrown instanceof DmscdcError)) return thrown;
  return new DmscdcError(thrown.kind, thrown.message, { hint: thrown.hint, cause: thrown.cause, maybeApplied: true });
}

// src/objects/s3-fetch.ts
import { createHash, randomUUID } from "node:crypto";
import { mkdir, open, rm } from "node:fs/promises";
import { join } from "node:path";
import { GetObjectCommand as GetObjectCommand2 } from "@aws-sdk/client-s3";
var rangesAtOnce = 8;
var readsOfAChangingObjectMax2 = 5;
async function fetchObject(s3, key, options) {
  const path = join(s3.scratchDir, randomUUID());
  const fetched = await intoFile(
    s3,
    key,
    path,
    (file) => options.ranges === void 0 ? fetchWhole(s3, key, file, options.sha256 ?? false) : fetchRanges(s3, key, file, options.ranges)
  );
  return fetched === null ? null : { path, sha256: fetched.sha256, release: () => rm(path, { force: true }) };
}
async function intoFile(s3, key, path, work) {
  const file = await onDisk(s3, key, async () => {
    await mkdir(s3.scratchDir, { recursive: true });
    return open(path, "wx");
  });
  let fetched = null;
  try {
    fetched = await work(file);
    return fetched;
  } finally {
    await file.close();
    if (fetched === null) await rm(path, { force: true });
  }
}
function fetchWhole(s3, key, file, wantsHash) {
  return request(s3, {
    verb: "get",
    action: "GetObject",
    key: s3.prefix + key,
    effect: "none",
    command: () => ({ command: new GetObjectCommand2({ Bucket: s3.bucket, Key: s3.prefix + key, ...s3.owner }) }),
    read: async (output, allowMs) => {
      allowMs(transferMs(output.ContentLength ?? 0));
      return { sha256: await writeBody(s3, key, file, output, wantsHash) };
    },
    refused: (thrown) => isMissingObject(thrown) ? null : void 0
  });
}
async function writeBody(s3, key, file, output, wantsHash) {
  const hash = wantsHash ? createHash("sha256") : null;
  let written = 0;
  for await (const chunk of output.Body) {
    hash?.update(chunk);
    await onDisk(s3, key, () => file.write(chunk, 0, chunk.length, written));
    written += chunk.length;
  }
  if (written !== (output.ContentLength ?? written)) throw brokenAnswer(output.ContentLength ?? 0, written);
  await onDisk(s3, key, () => file.truncate(written));
  return hash?.digest("hex") ?? null;
}
async function fetchRanges(s3, key, file, ranges) {
  const limit = pLimit(rangesAtOnce);
  const asked = ranges.length > 0 ? ranges : [{ start: 0, length: 0 }];
  for (let attempt = 0; attempt < readsOfAChangingObjectMax2; attempt++) {
    const found = await Promise.all(asked.map((range) => limit(() => getObject(s3, key, range))));
    if (found.every((piece) => piece === null)) return null;
    if (areOfOneObject(found)) {
      await onDisk(s3, key, () => writePieces(file, asked, found));
      return { sha256: null };
    }
  }
  throw neverTheSame(s3, s3.prefix + key);
}
function areOfOneObject(found) {
  return found.every((piece) => piece !== null && piece.info.etag === found[0]?.info.etag);
}
async function writePieces(file, ranges, found) {
  const { sizeBytes } = found[0].info;
  await file.truncate(sizeBytes);
  for (const [at, { body }] of found.entries()) {
    await file.write(body, 0, body.length, spanOf(sizeBytes, ranges[at]).start);
  }
}
async function onDisk(s3, key, work) {
  try {
    return await work();
  } catch (thrown) {
    throw fileError(thrown, `fetch ${shownKey(key)}`, { place: s3.scratchDir, maybeApplied: false });
  }
}

// src/objects/s3-list.ts
import { ListObjectsV2Command } from "@aws-sdk/client-s3";
var pageKeysMax = 1e3;
async function listPage(s3, options) {
  for (let token; ; ) {
    const answer = await askForPage(s3, options, token);
    if ("page" in answer) return answer.page;
    token = answer.token;
  }
}
function askForPage(s3, options, token) {
  const { prefix, delimiter, after = "" } = options;
  const key = s3.prefix + prefix;
  return request(s3, {
    verb: "list",
    action: "ListObjectsV2",
    key,
    effect: "none",
    command: () => ({
      command: new ListObjectsV2Command({
        Bucket: s3.bucket,
        Prefix: key,
        Delimiter: delimiter,
        StartAfter: after === "" ? void 0 : s3.prefix + after,
        ContinuationToken: token,
        MaxKeys: pageKeysMax,
        EncodingType: "url",
        ...s3.owner
      })
    }),
    read: (output) => answerOf(s3, output, after)
  });
}
function answerOf(s3, output, after) {
  const keyOf = (text) => decoded(text ?? "", output.EncodingType).slice(s3.prefix.length);
  const objects = (output.Contents ?? []).map((object) => infoOf(keyOf(object.Key), object));
  const folders = (output.CommonPrefixes ?? []).map((folder) => keyOf(folder.Prefix));
  const last = [...objects.slice(-1).map((object) => object.key), ...folders.slice(-1)].sort(compareBytes).at(-1);
  if (output.IsTruncated && last === void 0) {
    if (output.NextContinuationToken === void 0)
      throw new Error("the page is empty, not the last one, and names no next");
    return { token: output.NextContinuationToken };
  }
  const page = {
    objects,
    // S3 shows a folder again while a key in it is greater than StartAfter.
    folders: folders.filter((folder) => after === "" || compareBytes(folder, after) > 0),
    next: output.IsTruncated ? last : null
  };
  return { page };
}
function infoOf(key, object) {
  return {
    key,
    sizeBytes: object.Size ?? 0,
    modifiedMs: wholeSecondMs(object.LastModified),
    etag: etagText(object.ETag)
  };
}
function decoded(text, encoding) {
  return encoding === "url" ? decodeURIComponent(text.replaceAll("+", " ")) : text;
}

// src/objects/s3-write.ts
import { PutObjectCommand, UploadPartCommand } from "@aws-sdk/client-s3";

// src/objects/s3-body.ts
import { createReadStream } from "node:fs";
import { open as open2, stat } from "node:fs/promises";
var inMemoryBytesMax = 1048576;
async function bodySize(s3, key, body) {
  if (body instanceof Uint8Array) return body.length;
  return fromDisk(s3, key, async () => (await stat(body.scratchFile)).size);
}
async function pieceOf(s3, key, body, span) {
  const { start, length } = span;
  if (body instanceof Uint8Array) return { body: body.subarray(start, start + length) };
  if (length > inMemoryBytesMax) {
    return { stream: createReadStream(body.scratchFile, { start, end: start + length - 1, highWaterMark: 1 << 18 }) };
  }
  return { body: await fromDisk(s3, key, () => readSpan(body.scratchFile, span)) };
}
async function readSpan(path, { start, length }) {
  const file = await open2(path);
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, start);
    return buffer.subarray(0, bytesRead);
  } finally {
    await file.close();
  }
}
async function fromDisk(s3, key, work) {
  try {
    return await work();
  } catch (thrown) {
    throw fileError(thrown, `put ${shownKey(key)}`, { place: s3.scratchDir, maybeApplied: false });
  }
}

// src/objects/s3-write.ts
async function putObject(s3, key, body, condition) {
  const sizeBytes = await bodySize(s3, key, body);
  if (sizeBytes <= s3.limits.putBytesMax) return putAtOnce(s3, key, { body, sizeBytes, condition });
  const sendPart = partSender(s3, key, body);
  return uploadByParts(s3, { key, sizeBytes, partBytes: s3.limits.partBytes, condition, verb: "put", sendPart });
}
function putAtOnce(s3, key, { body, sizeBytes, condition }) {
  return request(s3, {
    verb: "put",
    action: "PutObject",
    key: s3.prefix + key,
    effect: conditionEffect(condition),
    deadlineMs: transferMs(sizeBytes),
    command: async () => {
      const piece = await pieceOf(s3, key, body, { start: 0, length: sizeBytes });
      const command = new PutObjectCommand({
        Bucket: s3.bucket,
        Key: s3.prefix + key,
        Body: piece.stream ?? piece.body,
        ContentLength: sizeBytes,
        ...conditionHeaders(condition),
        ...s3.encryption,
        ...s3.owner
      });
      return { command, stream: piece.stream };
    },
    read: (output) => ({ kind: "stored", etag: etagText(output.ETag) }),
    refused: (thrown) => conditionRefused(thrown, condition)
  });
}
function partSender(s3, key, body) {
  return ({ uploadId, partNumber, span }) => request(s3, {
    verb: "put",
    action: "UploadPart",
    key: s3.prefix + key,
    effect: "none",
    deadlineMs: transferMs(span.length),
    command: async () => {
      const piece = await pieceOf(s3, key, body, span);
      const command = new UploadPartCommand({
        Bucket: s3.bucket,
        Key: s3.prefix + key,
        UploadId: uploadId,
        PartNumber: partNumber,
        Body: piece.stream ?? piece.body,
        ContentLength: span.length,
        ...s3.owner
      });
      return { command, stream: piece.stream };
    },
    read: (output) => donePart(partNumber, output)
  });
}

// src/objects/s3-objects.ts
var defaultLimits = {
  attemptsMax: 8,
  putBytesMax: 64 * 1048576,
  copyBytesMax: 5 * 1073741824,
  partBytes: 16 * 1048576,
  copyPartBytes: 512 * 1048576
};
function s3Objects(client, options) {
  const { bucket, sse, kmsKeyId, expectedBucketOwner } = options;
  const prefix = options.prefix === "" ? "" : options.prefix.replace(/\/*$/u, "/");
  const perCall = () => ({
    client,
    bucket,
    prefix,
    scratchDir: options.scratchDir,
    owner: expectedBucketOwner === void 0 ? {} : { ExpectedBucketOwner: expectedBucketOwner },
    encryption: {
      ...sse === void 0 ? {} : { ServerSideEncryption: sse },
      ...kmsKeyId === void 0 ? {} : { SSEKMSKeyId: kmsKeyId }
    },
    limits: { ...defaultLimits, ...options.limits },
    onRequest: currentLedger()
  });
  return {
    url: `s3://${bucket}/${prefix}`,
    place: `${bucket}/${prefix}`,
    list: (asked) => listPage(perCall(), asked),
    head: (key) => headObject(perCall(), key),
    get: (key, range) => getObject(perCall(), key, range),
    put: async (key, body, condition) => {
      checkKey(key);
      return putObject(perCall(), key, body, condition);
    },
    copy: async (from, to) => {
      checkKey(to);
      return copyObject(perCall(), from, to);
    },
    deleteMany: (keys) => deleteObjects(perCall(), keys),
    fetch: (key, asked = {}) => fetchObject(perCall(), key, asked)
  };
}
export {
  s3Objects
};
//# sourceMappingURL=s3-objects-CE6LLJWM.js.map
