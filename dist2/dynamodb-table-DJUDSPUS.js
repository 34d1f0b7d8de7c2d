import { createRequire } from "node:module"; const require = createRequire(import.meta.url);
import {
  nameOf,
  read,
  stateTable,
  write
} from "./chunk-HTKIRNZH.js";
import {
  DmscdcError
} from "./chunk-AUUPOFDD.js";
import "./chunk-YBW5XDR7.js";

// src/state/dynamodb-table.ts
import { setTimeout as sleep } from "node:timers/promises";
import { CreateTableCommand, DescribeTableCommand } from "@aws-sdk/client-dynamodb";
var activeMsMax = 3e5;
var lookAgainMs = 500;
async function createStateTable(options) {
  const table = stateTable(options);
  try {
    const outcome = await describe(table) === null ? await create(table) : "exists";
    await waitUntilActive(table);
    return outcome;
  } finally {
    table.client.destroy();
  }
}
function describe(table) {
  const command = new DescribeTableCommand({ TableName: table.tableName });
  const send = () => table.client.send(command).then(
    ({ Table }) => Table ?? null,
    (thrown) => {
      if (nameOf(thrown) === "ResourceNotFoundException") return null;
      throw thrown;
    }
  );
  return read(table, "describe it", send);
}
async function create(table) {
  const command = new CreateTableCommand({
    TableName: table.tableName,
    BillingMode: "PAY_PER_REQUEST",
    AttributeDefinitions: [{ AttributeName: "path", AttributeType: "S" }],
    KeySchema: [{ AttributeName: "path", KeyType: "HASH" }]
  });
  const send = () => table.client.send(command).then(
    () => "created",
    (thrown) => {
      if (nameOf(thrown) === "ResourceInUseException") return "exists";
      throw thrown;
    }
  );
  const answer = await write(table, "create it", send);
  return answer.kind === "answered" ? answer.output : "exists";
}
async function waitUntilActive(table) {
  const givenUpAtMs = performance.now() + activeMsMax;
  for (; ; ) {
    const found = await describe(table);
    if (found !== null) requireKey(table, found);
    const status = found?.TableStatus ?? "NOT_FOUND";
    if (status === "ACTIVE" || status === "UPDATING") return;
    if (performance.now() > givenUpAtMs) throw notActive(table, status);
    await sleep(lookAgainMs);
  }
}
function requireKey({ tableName }, { KeySchema = [], AttributeDefinitions = [] }) {
  const key = KeySchema.map(({ AttributeName }) => AttributeName);
  const types = AttributeDefinitions.filter(({ AttributeName }) => key.includes(AttributeName));
  if (key.length === 1 && key[0] === "path" && types[0]?.AttributeType === "S") return;
  throw new DmscdcError(
    "invalid-config",
    `state table ${tableName}: its key is ${key.join(", ")}, expected path alone, a string`,
    {
      hint: "name another table: --state dynamodb://<name>"
    }
  );
}
function notActive({ tableName }, status) {
  return new DmscdcError(
    "unavailable",
    `state table ${tableName}: its status is ${status} after ${activeMsMax / 6e4} minutes, expected ACTIVE`,
    { hint: `run again when the console shows ${tableName} as active` }
  );
}
export {
  createStateTable
};
//# sourceMappingURL=dynamodb-table-DJUDSPUS.js.map
