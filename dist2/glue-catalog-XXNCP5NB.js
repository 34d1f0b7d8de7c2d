import { createRequire } from "node:module"; const require = createRequire(import.meta.url);
import {
  DmscdcError
} from "./chunk-AUUPOFDD.js";
import "./chunk-YBW5XDR7.js";

// src/catalog/glue-catalog.ts
import {
  BatchCreatePartitionCommand,
  BatchDeletePartitionCommand,
  BatchUpdatePartitionCommand,
  CreateDatabaseCommand,
  CreateTableCommand,
  DeleteTableCommand,
  GetPartitionsCommand,
  GetTableCommand,
  GlueClient,
  UpdateTableCommand
} from "@aws-sdk/client-glue";

// src/catalog/glue-errors.ts
import { GlueServiceException } from "@aws-sdk/client-glue";
var overtaken = [
  "ConcurrentModificationException",
  "VersionMismatchException",
  "EntityNotFoundException"
];
var passing = [
  "ConcurrentModificationException",
  "InternalServiceException",
  "OperationTimeoutException",
  "ResourceNotReadyException",
  "ThrottlingException"
];
var noCredentials = ["CredentialsProviderError", "ProviderError", "TokenProviderError"];
var isMissing = (thrown) => nameOf(thrown) === "EntityNotFoundException";
var isThere = (thrown) => nameOf(thrown) === "AlreadyExistsException";
var isOvertaken = (thrown) => overtaken.includes(nameOf(thrown));
function glueError(thrown, { action, subject }) {
  const name = nameOf(thrown);
  const isRefused = noCredentials.includes(name) || isClientFault(thrown) && !passing.includes(name);
  const text = action.includes("Partition") ? "" : messageOf(thrown);
  const reason = [name, text].filter((part) => part !== "" && part !== "Error").join(": ") || "no answer";
  return new DmscdcError(isRefused ? "invalid-config" : "unavailable", `glue ${action} ${subject}: ${reason}`, {
    hint: hintOf(thrown, action),
    cause: thrown
  });
}
function noRegion(cause) {
  return new DmscdcError("invalid-config", "glue: no AWS region is set, expected the one of the catalog", {
    hint: "set AWS_REGION",
    cause
  });
}
function hintOf(thrown, action) {
  const name = nameOf(thrown);
  if (noCredentials.includes(name))
    return "give AWS credentials: a role, AWS_PROFILE, or AWS_ACCESS_KEY_ID with its secret";
  if (name === "AccessDeniedException")
    return `allow glue:${action} on the catalog, the database and the table to the role that dmscdc runs as`;
  if (name === "InvalidInputException") return "choose another --glue-database, or take the view off: --publish";
  return "run again: the next run brings the catalog up to date";
}
function isClientFault(thrown) {
  return thrown instanceof GlueServiceException && thrown.$fault === "client" && thrown.$metadata.httpStatusCode !== 429;
}
function nameOf(thrown) {
  return thrown instanceof Error ? thrown.name : "";
}
function messageOf(thrown) {
  return thrown instanceof Error ? thrown.message.split("\n")[0] ?? "" : "";
}

// src/catalog/glue-table.ts
function tableInput(name, table, found) {
  return {
    Name: name,
    TableType: "EXTERNAL_TABLE",
    ...found?.description == null ? {} : { Description: found.description },
    Parameters: { EXTERNAL: "TRUE", ...table.parameters },
    PartitionKeys: table.partitionKeys.map(glueColumn),
    StorageDescriptor: storage(table, table.location)
  };
}
function partitionInput(table, { values, location, parameters }) {
  return { Values: [...values], Parameters: { ...parameters }, StorageDescriptor: storage(table, location) };
}
function foundTable({ StorageDescriptor, PartitionKeys, Parameters, ...table }) {
  const { EXTERNAL: _, ...parameters } = Parameters ?? {};
  return {
    format: formatOf(StorageDescriptor, parameters),
    location: StorageDescriptor?.Location ?? "",
    columns: (StorageDescriptor?.Columns ?? []).map(catalogColumn),
    partitionKeys: (PartitionKeys ?? []).map(catalogColumn),
    parameters,
    versionId: table.VersionId ?? null,
    description: table.Description ?? null
  };
}
var parquetSerde = "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe";
var layouts = {
  parquet: {
    input: "org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat",
    output: "org.apache.hadoop.hive.ql.io.parquet.MapredParquetOutputFormat",
    serde: parquetSerde
  },
  symlink: {
    input: "org.apache.hadoop.hive.ql.io.SymlinkTextInputFormat",
    output: "org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat",
    serde: parquetSerde
  },
  delta: {
    input: "org.apache.hadoop.mapred.SequenceFileInputFormat",
    output: "org.apache.hadoop.hive.ql.io.HiveSequenceFileOutputFormat",
    serde: "org.apache.hadoop.hive.serde2.lazy.LazySimpleSerDe"
  }
};
function storage({ format, columns }, location) {
  const { input, output, serde } = layouts[format];
  return {
    Columns: columns.map(glueColumn),
    Location: location,
    InputFormat: input,
    OutputFormat: output,
    SerdeInfo: {
      SerializationLibrary: serde,
      Parameters: { "serialization.format": "1", ...format === "delta" ? { path: location } : {} }
    }
  };
}
function formatOf(descriptor, parameters) {
  const isDelta = parameters.table_type?.toLowerCase() === "delta";
  for (const format of ["parquet", "symlink", "delta"]) {
    const { input, output, serde } = layouts[format];
    const { InputFormat, OutputFormat, SerdeInfo } = descriptor ?? {};
    if (format === "delta" === isDelta && InputFormat === input && OutputFormat === output)
      return SerdeInfo?.SerializationLibrary === serde ? format : "other";
  }
  return "other";
}
function glueColumn({ name, type, comment }) {
  return { Name: name, Type: type, ...comment === void 0 ? {} : { Comment: comment } };
}
function catalogColumn({ Name, Type, Comment }) {
  return { name: Name ?? "", type: Type ?? "", ...Comment === void 0 ? {} : { comment: Comment } };
}

// src/catalog/glue-catalog.ts
var changedMax = 100;
var removedMax = 25;
var pageMax = 1e3;
var silent = { debug() {
}, info() {
}, warn() {
}, error() {
} };
function glueClient(options = {}) {
  const requestHandler = { connectionTimeout: 5e3, requestTimeout: 3e4, throwOnRequestTimeout: true };
  return new GlueClient({ requestHandler, logger: silent, maxAttempts: 6, ...options });
}
function glueCatalog(client) {
  return {
    async getTable(name) {
      const command = new GetTableCommand({ DatabaseName: name.database, Name: name.table });
      const answer = await asked(client, "GetTable", name, () => client.send(command), { missing: null });
      return answer?.Table === void 0 ? null : foundTable(answer.Table);
    },
    async createDatabase(database) {
      const command = new CreateDatabaseCommand({ DatabaseInput: { Name: database } });
      await asked(client, "CreateDatabase", { database }, () => client.send(command), { there: null });
    },
    async createTable(name, table) {
      const TableInput = tableInput(name.table, table, null);
      const command = new CreateTableCommand({ DatabaseName: name.database, TableInput });
      const create = () => client.send(command).then(() => "created");
      return asked(client, "CreateTable", name, create, { there: "exists", missing: "no-database" });
    },
    async updateTable(name, table, found) {
      const command = new UpdateTableCommand({
        DatabaseName: name.database,
        TableInput: tableInput(name.table, table, found),
        SkipArchive: true,
        ...found.versionId === null ? {} : { VersionId: found.versionId }
      });
      const update = () => client.send(command).then(() => "updated");
      return asked(client, "UpdateTable", name, update, { overtaken: "conflict" });
    },
    async deleteTable(name) {
      const command = new DeleteTableCommand({ DatabaseName: name.database, Name: name.table });
      await asked(client, "DeleteTable", name, () => client.send(command), { missing: null });
    },
    listPartitions: (name) => listPartitions(client, name),
    async changePartitions(name, table, { create, update, remove }) {
      const place = { DatabaseName: name.database, TableName: name.table };
      const input = (partition) => partitionInput(table, partition);
      const removed = await inBatches(remove, removedMax, (some) => {
        const PartitionsToDelete = some.map((values) => ({ Values: [...values] }));
        return asked(
          client,
          "BatchDeletePartition",
          name,
          () => client.send(new BatchDeletePartitionCommand({ ...place, PartitionsToDelete }))
        );
      });
      const created = await inBatches(
        create,
        changedMax,
        (some) => asked(
          client,
          "BatchCreatePartition",
          name,
          () => client.send(new BatchCreatePartitionCommand({ ...place, PartitionInputList: some.map(input) }))
        )
      );
      const updated = await inBatches(update, changedMax, (some) => {
        const Entries = some.map((one) => ({ PartitionValueList: [...one.values], PartitionInput: input(one) }));
        return asked(
          client,
          "BatchUpdatePartition",
          name,
          () => client.send(new BatchUpdatePartitionCommand({ ...place, Entries }))
        );
      });
      return [...refusals("remove", removed), ...refusals("create", created), ...refusals("update", updated)];
    }
  };
}
async function listPartitions(client, name) {
  const found = [];
  const place = { DatabaseName: name.database, TableName: name.table, ExcludeColumnSchema: true, MaxResults: pageMax };
  for (let NextToken; ; ) {
    const command = new GetPartitionsCommand({ ...place, ...NextToken === void 0 ? {} : { NextToken } });
    const page = await asked(client, "GetPartitions", name, () => client.send(command), { missing: null });
    for (const { Values, StorageDescriptor, Parameters } of page?.Partitions ?? [])
      found.push({ values: Values ?? [], location: StorageDescriptor?.Location ?? "", parameters: Parameters ?? {} });
    NextToken = page?.NextToken;
    if (NextToken === void 0 || NextToken === "") return found;
  }
}
async function inBatches(items, size, send) {
  const answers = [];
  for (let at = 0; at < items.length; at += size) answers.push(await send(items.slice(at, at + size)));
  return answers;
}
function refusals(change, answers) {
  const errors = answers.flatMap(({ Errors }) => Errors ?? []);
  return errors.map(({ ErrorDetail }) => ({ change, code: ErrorDetail?.ErrorCode ?? "no code" }));
}
async function asked(client, action, name, send, foreseen = {}) {
  await client.config.region().catch((thrown) => {
    throw noRegion(thrown);
  });
  try {
    return await send();
  } catch (thrown) {
    if ("missing" in foreseen && isMissing(thrown)) return foreseen.missing;
    if ("there" in foreseen && isThere(thrown)) return foreseen.there;
    if ("overtaken" in foreseen && isOvertaken(thrown)) return foreseen.overtaken;
    const subject = name.table === void 0 ? name.database : `${name.database}.${name.table}`;
    throw glueError(thrown, { action, subject });
  }
}
export {
  glueCatalog,
  glueClient
};
//# sourceMappingURL=glue-catalog-XXNCP5NB.js.map
