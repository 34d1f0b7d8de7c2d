import { createRequire } from "node:module"; const require = createRequire(import.meta.url);
import {
  read,
  stateTable,
  unknownOutcome,
  write
} from "./chunk-HTKIRNZH.js";
import {
  changed,
  meets,
  sameJson
} from "./chunk-PM3ZNNKT.js";
import {
  compareBytes,
  tableName
} from "./chunk-AXMMCPKP.js";
import "./chunk-AUUPOFDD.js";
import "./chunk-YBW5XDR7.js";

// src/state/dynamodb-state.ts
import { GetItemCommand, PutItemCommand, ScanCommand, UpdateItemCommand } from "@aws-sdk/client-dynamodb";

// src/state/dynamodb-values.ts
import { convertToAttr, marshall, NumberValueImpl, unmarshall } from "@aws-sdk/util-dynamodb";
var options = { removeUndefinedValues: true };
function rowOf(item) {
  return unmarshall(item, { wrapNumbers: numberOf });
}
function itemOf(row) {
  return marshall(row, options);
}
function updateExpressions(change, condition) {
  const names = {};
  const values = {};
  const nameOf = (attribute) => placeholder(names, "#", attribute);
  const valueNameOf = (value) => placeholder(values, ":", convertToAttr(value, options));
  const set = Object.entries(change.set ?? {});
  const kept = set.filter(([, value]) => value !== void 0);
  const gone = set.filter(([, value]) => value === void 0).map(([attribute]) => attribute);
  const keptNames = new Set(kept.map(([attribute]) => attribute));
  const removed = new Set([...gone, ...change.remove ?? []].filter((attribute) => !keptNames.has(attribute)));
  const sets = kept.map(([attribute, value]) => `${nameOf(attribute)} = ${valueNameOf(value)}`);
  const removes = [...removed].map(nameOf);
  const conditions = Object.entries(condition).map(([attribute, value]) => {
    if (value === void 0) return `attribute_not_exists(${nameOf(attribute)})`;
    if (value === null) return `attribute_type(${nameOf(attribute)}, ${valueNameOf("NULL")})`;
    return `${nameOf(attribute)} = ${valueNameOf(value)}`;
  });
  return {
    UpdateExpression: [clause("SET", sets), clause("REMOVE", removes)].join(" ").trim(),
    ConditionExpression: [`attribute_exists(${nameOf("path")})`, ...conditions].join(" AND "),
    ExpressionAttributeNames: names,
    ...Object.keys(values).length === 0 ? {} : { ExpressionAttributeValues: values }
  };
}
function placeholder(given, sign, what) {
  const name = `${sign}${Object.keys(given).length}`;
  given[name] = what;
  return name;
}
function clause(word, parts) {
  return parts.length === 0 ? "" : `${word} ${parts.join(", ")}`;
}
function numberOf(text) {
  return String(Number(text)) === text ? Number(text) : NumberValueImpl.from(text);
}

// src/state/dynamodb-state.ts
function dynamodbState(options2) {
  const rows = { ...stateTable(options2), landingPlace: options2.landingPlace };
  return {
    url: `dynamodb://${options2.tableName}`,
    list: () => list(rows),
    get: (id) => get(rows, id),
    register: async (id, row) => {
      const item = itemOf({ ...row, path: pathOf(rows, id) });
      const answer = await put(rows, id, item);
      if (answer.kind === "answered") return "registered";
      return answer.lost !== null && await holds(rows, id, item) ? "registered" : "exists";
    },
    update: async (id, change, condition) => {
      if (isEmpty(change)) return check(rows, id, condition);
      const answer = await update(rows, id, change, condition);
      if (answer.kind === "answered") return "updated";
      return answer.lost === null ? "condition-failed" : afterLostAnswer(rows, id, change, answer.lost);
    }
  };
}
async function list(rows) {
  const items = [];
  let start;
  do {
    const page = await scan(rows, start);
    items.push(...(page.Items ?? []).map((item) => stateItem(rows, item)).filter((item) => item !== null));
    start = page.LastEvaluatedKey;
  } while (start !== void 0);
  return items.sort((a, b) => compareBytes(a.path, b.path));
}
function scan(rows, start) {
  const command = new ScanCommand({
    TableName: rows.tableName,
    ConsistentRead: true,
    FilterExpression: "begins_with(#path, :place)",
    ExpressionAttributeNames: { "#path": "path" },
    ExpressionAttributeValues: { ":place": { S: rows.landingPlace } },
    ExclusiveStartKey: start
  });
  return read(rows, "list the rows", () => rows.client.send(command));
}
async function get(rows, id) {
  const { client, tableName: tableName2 } = rows;
  const command = new GetItemCommand({ TableName: tableName2, Key: keyOf(rows, id), ConsistentRead: true });
  const { Item: item } = await read(rows, `get ${rowName(id)}`, () => client.send(command));
  return item === void 0 ? null : { id, path: pathOf(rows, id), row: rowOf(item), damage: null };
}
function put(rows, id, item) {
  const command = new PutItemCommand({
    TableName: rows.tableName,
    Item: item,
    ConditionExpression: "attribute_not_exists(#path)",
    ExpressionAttributeNames: { "#path": "path" }
  });
  return write(rows, `register ${rowName(id)}`, () => rows.client.send(command));
}
async function holds(rows, id, item) {
  const found = await get(rows, id);
  return found !== null && sameJson(found.row, rowOf(item));
}
function update(rows, id, change, condition) {
  const command = new UpdateItemCommand({
    TableName: rows.tableName,
    Key: keyOf(rows, id),
    ...updateExpressions(change, condition)
  });
  return write(rows, `update ${rowName(id)}`, () => rows.client.send(command));
}
async function afterLostAnswer(rows, id, change, lost) {
  const row = (await get(rows, id))?.row;
  if (row === void 0 || row === null) return "condition-failed";
  if (sameJson(row, changed(row, change))) return "updated";
  throw unknownOutcome(rows.tableName, `update ${rowName(id)}`, lost);
}
function isEmpty({ set = {}, remove = [] }) {
  return Object.keys(set).length === 0 && remove.length === 0;
}
async function check(rows, id, condition) {
  const row = (await get(rows, id))?.row;
  return row && meets(row, condition) ? "updated" : "condition-failed";
}
function stateItem({ landingPlace }, item) {
  const path = item.path?.S ?? "";
  const [schema, table, end, ...more] = path.slice(landingPlace.length).split("/");
  const isTable = path.startsWith(landingPlace) && schema && table && end === "" && more.length === 0;
  return isTable ? { id: { schema, table }, path, row: rowOf(item), damage: null } : null;
}
function keyOf(rows, id) {
  return { path: { S: pathOf(rows, id) } };
}
function pathOf({ landingPlace }, id) {
  return `${landingPlace}${id.schema}/${id.table}/`;
}
function rowName(id) {
  return `the row of ${tableName(id)}`;
}
export {
  dynamodbState
};
//# sourceMappingURL=dynamodb-state-OPZMLSCC.js.map
