import { createRequire } from "node:module"; const require = createRequire(import.meta.url);
import {
  DmscdcError
} from "./chunk-AUUPOFDD.js";

// src/state/dynamodb-errors.ts
import { DynamoDBServiceException } from "@aws-sdk/client-dynamodb";
var passing = [
  "ProvisionedThroughputExceededException",
  "RequestLimitExceeded",
  "ThrottlingException",
  "Throttling",
  "TooManyRequestsException",
  "LimitExceededException",
  "TransactionConflictException",
  "TransactionInProgressException",
  "ReplicatedWriteConflictException"
];
var notSent = ["ECONNREFUSED", "ENOTFOUND", "EAI_AGAIN", "EHOSTUNREACH", "ENETUNREACH"];
var noCredentials = ["CredentialsProviderError", "ProviderError", "TokenProviderError"];
var wrongCredentials = [
  "UnrecognizedClientException",
  "InvalidSignatureException",
  "IncompleteSignatureException",
  "MissingAuthenticationTokenException",
  "ExpiredTokenException"
];
function failureOf(thrown) {
  const name = nameOf(thrown);
  if (name === "ConditionalCheckFailedException") return "condition-failed";
  if (codeOf(thrown) === "ERR_INVALID_URL") return "refused";
  if (lacksCredentials(thrown)) return "passing";
  if (passing.includes(name) || notSent.includes(codeOf(thrown))) return "passing";
  if (!(thrown instanceof DynamoDBServiceException)) return "lost";
  if ("clockSkewCorrected" in thrown.$metadata) return "passing";
  const status = thrown.$metadata.httpStatusCode ?? 0;
  if (status === 429) return "passing";
  return status >= 400 && status < 500 && status !== 408 ? "refused" : "lost";
}
var credentialTriesMax = 3;
function lacksCredentials(thrown) {
  return noCredentials.includes(nameOf(thrown));
}
function stateTableError(thrown, asked) {
  const { tableName, region, subject, tries, maybeApplied } = asked;
  const name = nameOf(thrown);
  if (name === "ResourceNotFoundException") {
    return new DmscdcError("invalid-config", `state table ${tableName}: not found in ${region}, ${subject}`, {
      hint: `dmscdc run --create-state, or name the table that exists: --state dynamodb://<name>`,
      cause: thrown,
      maybeApplied
    });
  }
  const isRefused = failureOf(thrown) === "refused" || lacksCredentials(thrown);
  const times = tries === 1 ? "" : ` in ${tries} tries`;
  return new DmscdcError(
    isRefused ? "invalid-config" : "unavailable",
    `state table ${tableName} in ${region}: ${subject}: ${reasonOf(thrown)}${times}`,
    { hint: isRefused ? refusalHint(thrown, tableName) : "run again in some minutes", cause: thrown, maybeApplied }
  );
}
function unknownOutcome(tableName, subject, lost) {
  return new DmscdcError(
    "unavailable",
    `state table ${tableName}: ${subject}: the answer was lost (${reasonOf(lost)}), and then the row was changed by another`,
    { hint: "look at the row: give the command again if it does not show the change", cause: lost, maybeApplied: true }
  );
}
function noRegion(tableName, cause) {
  return new DmscdcError(
    "invalid-config",
    `state table ${tableName}: no AWS region is set, expected the one it lies in`,
    {
      hint: "set AWS_REGION",
      cause
    }
  );
}
function refusalHint(thrown, tableName) {
  const name = nameOf(thrown);
  if (lacksCredentials(thrown))
    return "give the task an IAM role, or name a profile that exists by AWS_PROFILE, or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY";
  if (wrongCredentials.includes(name)) return "correct or renew the AWS credentials, then run again";
  if (codeOf(thrown) === "ERR_INVALID_URL") return "check AWS_ENDPOINT_URL_DYNAMODB and AWS_ENDPOINT_URL";
  if (name === "ValidationException")
    return `check the name ${tableName}, that the only key of this table is "path" (a string), and that no row is above 400 KB`;
  return `allow the identity that runs dmscdc to scan, get, put and update the items of ${tableName}`;
}
function reasonOf(thrown) {
  const message = thrown instanceof Error ? thrown.message.split("\n")[0] : "";
  return [nameOf(thrown), message].filter((part) => part !== "" && part !== "Error").join(": ") || "no answer";
}
function nameOf(thrown) {
  return thrown instanceof Error ? thrown.name : "";
}
function codeOf(thrown) {
  return thrown instanceof Error && "code" in thrown ? String(thrown.code) : "";
}

// src/state/dynamodb-client.ts
import { setTimeout as sleep } from "node:timers/promises";
import { DynamoDBClient } from "@aws-sdk/client-dynamodb";
var patienceMsDefault = 25e3;
var pauseMsFirst = 50;
var pauseMsMax = 4e3;
function stateTable({ tableName, client, patienceMs = patienceMsDefault }) {
  const requestHandler = { connectionTimeout: 2e3, requestTimeout: 5e3, throwOnRequestTimeout: true };
  return { client: new DynamoDBClient({ requestHandler, ...client, maxAttempts: 1 }), tableName, patienceMs };
}
async function read(table, subject, send) {
  const answer = await ask(table, subject, send);
  if (answer.kind === "answered") return answer.output;
  throw new DmscdcError(
    "bug",
    `state table ${table.tableName}: ${subject}: a condition failed, expected none in a read`,
    {
      hint: "report this with the log of the run"
    }
  );
}
async function write(table, subject, send) {
  return ask(table, subject, send, { writes: true });
}
async function ask(table, subject, send, { writes = false } = {}) {
  const region = await regionOf(table);
  const givenUpAtMs = performance.now() + table.patienceMs;
  let lost = null;
  for (let tries = 1; ; tries++) {
    try {
      return { kind: "answered", output: await send() };
    } catch (thrown) {
      const failure = failureOf(thrown);
      if (failure === "condition-failed") return { kind: "condition-failed", lost };
      if (failure === "lost" && writes) lost ??= thrown;
      const pauseMs = Math.random() * Math.min(pauseMsMax, pauseMsFirst * 2 ** tries);
      const hopeless = failure === "refused" || lacksCredentials(thrown) && tries >= credentialTriesMax;
      if (hopeless || performance.now() + pauseMs > givenUpAtMs) {
        const { tableName } = table;
        throw stateTableError(thrown, { tableName, region, subject, tries, maybeApplied: lost !== null });
      }
      await sleep(pauseMs);
    }
  }
}
async function regionOf({ client, tableName }) {
  try {
    return await client.config.region();
  } catch (thrown) {
    throw noRegion(tableName, thrown);
  }
}

export {
  unknownOutcome,
  nameOf,
  stateTable,
  read,
  write
};
//# sourceMappingURL=chunk-HTKIRNZH.js.map
