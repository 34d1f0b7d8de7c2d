import { createRequire } from "node:module"; const require = createRequire(import.meta.url);
import {
  isOfDeadProcess,
  processMark
} from "./chunk-I6LW3CRZ.js";
import {
  ident,
  list,
  listLiteral,
  literal
} from "./chunk-BA3GQEZL.js";
import {
  DmscdcError
} from "./chunk-AUUPOFDD.js";
import "./chunk-YBW5XDR7.js";

// src/engine/duckdb-engine.ts
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { mkdir, mkdtemp, readdir, realpath, rm, stat, symlink, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { DuckDBInstance } from "@duckdb/node-api";
async function duckdbEngine(options) {
  await mkdir(options.temp, { recursive: true });
  await removeAbandoned(options.temp);
  const work = await realpath(await mkdtemp(join(options.temp, `dmscdc-work-${processMark()}-`)));
  const instance = await openInstance(options, work);
  let sessions = 0;
  return {
    async openSession() {
      const folder = join(work, `session-${String(++sessions)}`);
      await mkdir(folder);
      return openSession(await instance.connect(), folder);
    },
    async close() {
      instance.closeSync();
      await rm(work, { recursive: true, force: true });
    }
  };
}
async function removeAbandoned(temp) {
  for (const name of await readdir(temp)) {
    const mark = /^dmscdc-work-(\d+-\d+)-/u.exec(name)?.[1];
    if (mark !== void 0 && isOfDeadProcess(mark))
      await rm(join(temp, name), { recursive: true, force: true }).catch(() => {
      });
  }
}
async function openInstance(options, work) {
  const settings = { preserve_insertion_order: "true" };
  settings.memory_limit = `${String(Math.floor(options.memoryBytes / 1e3))}KB`;
  settings.allocator_bulk_deallocation_flush_threshold = `${String(Math.floor(options.memoryBytes / 256e3))}KB`;
  if (options.threads !== null) settings.threads = String(options.threads);
  const instance = await DuckDBInstance.create(":memory:", settings).catch((cause) => {
    throw new DmscdcError("invalid-config", `engine settings: ${messageOf(cause)}`, {
      hint: "give --memory as in 512MB or 4GB, and --threads as a whole number",
      cause
    });
  });
  const readable = await Promise.all(options.readable.map(realFolder));
  const connection = await instance.connect();
  const allowed = [work, ...readable].map((folder) => literal(folder.endsWith("/") ? folder : `${folder}/`));
  for (const statement of [
    `set temp_directory = ${literal(join(work, "spill"))}`,
    `set global TimeZone = 'UTC'`,
    "set autoinstall_known_extensions = false",
    "set autoload_known_extensions = false",
    `set allowed_directories = ${listLiteral(allowed)}`,
    "set enable_external_access = false",
    "set lock_configuration = true"
  ])
    await connection.run(statement);
  connection.closeSync();
  return instance;
}
async function realFolder(folder) {
  try {
    return await realpath(folder);
  } catch {
    return dirname(folder) === folder ? folder : join(await realFolder(dirname(folder)), basename(folder));
  }
}
function openSession(connection, folder) {
  let made = 0;
  const fresh = (name) => join(folder, `${String(++made)}-${name}`);
  let results = 0;
  const rows = async (sql) => {
    if (++results % resultsPerCollection === 0) collectGarbage();
    const reader = await guarded(sql, () => connection.runAndReadAll(sql));
    return reader.getRowObjectsJson();
  };
  const run = async (sql) => {
    await guarded(sql, () => connection.run(sql));
  };
  return {
    run,
    rows,
    async link(localPath) {
      const path = fresh("in");
      await symlink(localPath, path);
      return path;
    },
    async write(request) {
      const target = fresh("out");
      await mkdir(target);
      return writtenFiles(await rows(copyStatement(request, target)));
    },
    async writeText(name, text) {
      const path = fresh(name);
      await writeFile(path, text);
      return path;
    },
    scratchPath: async (name) => fresh(name),
    sizeOf: async (path) => (await stat(path)).size,
    async reset() {
      for (const table of await rows(`select table_name as t, table_type as k from information_schema.tables`))
        await run(`drop ${table.k === "VIEW" ? "view" : "table"} if exists ${ident(String(table.t))} cascade`);
      for (const name of await readdir(folder)) await rm(join(folder, name), { recursive: true, force: true });
    },
    interrupt: () => connection.interrupt(),
    async close() {
      connection.closeSync();
      await rm(folder, { recursive: true, force: true });
    }
  };
}
var resultsPerCollection = 50;
setFlagsFromString("--expose-gc");
var collectGarbage = runInNewContext("gc");
function copyStatement(request, target) {
  const fieldIds = [...request.fieldIds].map(([name, id]) => `${literal(name)}: ${String(id)}`);
  const options = [
    "format parquet",
    "compression zstd",
    "compression_level 1",
    "row_group_size 122880",
    "return_stats",
    `kv_metadata {'org.apache.spark.version': '3.5.0'}`,
    `field_ids {${list(fieldIds)}}`
  ];
  const single = request.fileBytesTarget === void 0;
  if (!single) options.push(`file_size_bytes ${String(request.fileBytesTarget)}`);
  return `copy (${request.select}) to ${literal(single ? join(target, "data.parquet") : target)} (${list(options)})`;
}
async function writtenFiles(returned) {
  const files = [];
  for (const row of returned) {
    if (Number(row.count) === 0) continue;
    const scratchFile = String(row.filename);
    files.push({
      scratchFile,
      rows: Number(row.count),
      sizeBytes: Number(row.file_size_bytes),
      footerBytes: Number(row.footer_size_bytes),
      sha256: await sha256Of(scratchFile),
      statistics: readStatistics(row.column_statistics)
    });
  }
  return files;
}
function readStatistics(map) {
  return new Map(
    map.map(({ key, value }) => {
      const facts = new Map(value.map((fact) => [fact.key, fact.value]));
      return [
        key.slice(1, -1).replaceAll('""', '"'),
        {
          nullCount: Number(facts.get("null_count") ?? 0),
          min: facts.get("min") ?? null,
          max: facts.get("max") ?? null,
          hasNan: facts.get("has_nan") === "true"
        }
      ];
    })
  );
}
async function sha256Of(path) {
  const hash = createHash("sha256");
  for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20 })) hash.update(chunk);
  return hash.digest("hex");
}
async function guarded(sql, work) {
  try {
    return await work();
  } catch (cause) {
    throw engineError(sql, cause);
  }
}
function engineError(sql, cause) {
  const message = messageOf(cause);
  if (message.startsWith("Out of Memory"))
    return new DmscdcError("unavailable", `engine ran out of memory: ${firstLine(message)}`, {
      hint: "give more with --memory, or fewer tables at once with --concurrency",
      outOfMemory: true,
      cause
    });
  if (/No space left|Could not write all|max_temp_directory_size/u.test(message))
    return new DmscdcError("unavailable", "engine could not write its work folder: no space left", {
      hint: "give a larger folder with --temp",
      cause
    });
  const aboutStatement = /^(?:Binder|Parser|Catalog) Error: [^\n]{0,200}/u.exec(message)?.[0];
  const kind = aboutStatement ?? /^[A-Z][A-Za-z ]* Error/u.exec(message)?.[0] ?? "error";
  return new DmscdcError("bug", `engine: ${kind} in ${sql.slice(0, 60).replaceAll(/\s+/gu, " ")}\u2026`, {
    hint: "run again with --verbose and report the trace",
    cause
  });
}
var messageOf = (cause) => cause instanceof Error ? cause.message : String(cause);
var firstLine = (text) => text.split("\n")[0] ?? text;
export {
  duckdbEngine
};
//# sourceMappingURL=duckdb-engine-RVOXGNSD.js.map
