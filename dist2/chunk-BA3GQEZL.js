import { createRequire } from "node:module"; const require = createRequire(import.meta.url);

// src/engine/sql.ts
function ident(name) {
  return `"${name.replaceAll('"', '""')}"`;
}
function literal(text) {
  return `'${text.replaceAll("'", "''")}'`;
}
function list(items) {
  return items.join(", ");
}
function listLiteral(items) {
  return `[${items.join(", ")}]`;
}
function duckdbType(type) {
  switch (type.kind) {
    case "boolean":
      return "boolean";
    case "byte":
      return "tinyint";
    case "short":
      return "smallint";
    case "integer":
      return "integer";
    case "long":
      return "bigint";
    case "float":
      return "float";
    case "double":
      return "double";
    case "string":
      return "varchar";
    case "binary":
      return "blob";
    case "date":
      return "date";
    case "timestamp":
      return "timestamptz";
    case "decimal":
      return `decimal(${type.precision}, ${type.scale})`;
  }
}
function differs(type, left, right) {
  const different = `${left} is distinct from ${right}`;
  if (type.kind !== "float" && type.kind !== "double") return different;
  return `(${different} or signbit(${left}) is distinct from signbit(${right}))`;
}
function readParquet(paths, alias, columnNames) {
  const files = listLiteral(paths.map(literal));
  return `read_parquet(${files}, hive_partitioning = false) as ${alias}(${list(columnNames)})`;
}
function byFile(items) {
  return `${listLiteral(items)}[(file_index + 1)::bigint]`;
}

export {
  ident,
  literal,
  list,
  listLiteral,
  duckdbType,
  differs,
  readParquet,
  byFile
};
//# sourceMappingURL=chunk-BA3GQEZL.js.map
