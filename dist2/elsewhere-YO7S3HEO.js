import { createRequire } from "node:module"; const require = createRequire(import.meta.url);
import {
  describe,
  inProcess,
  readHistory,
  readSettings
} from "./chunk-WHT24PAT.js";
import "./chunk-PM3ZNNKT.js";
import "./chunk-BA3GQEZL.js";
import "./chunk-U3RK3BH7.js";
import "./chunk-REN7AKN7.js";
import {
  noChanges,
  tableName
} from "./chunk-AXMMCPKP.js";
import {
  DmscdcError,
  asDmscdcError
} from "./chunk-AUUPOFDD.js";
import "./chunk-YBW5XDR7.js";

// src/dispatch/elsewhere.ts
function withElsewhere(ports, options) {
  const sent = /* @__PURE__ */ new Set();
  const takenElsewhere = (landingBytes, { id }) => {
    const taken = landingBytes >= options.aboveBytes;
    if (taken) sent.add(tableName(id));
    return taken;
  };
  const here = inProcess(ports, { ...options, takenElsewhere });
  return {
    ...here,
    async dispatch(item) {
      const report = await here.dispatch(item);
      return sent.has(tableName(item.id)) ? runElsewhere(ports, item, { ...options, report }) : report;
    }
  };
}
async function runElsewhere(ports, item, { elsewhere, deadlineMs, report }) {
  const startedMs = ports.clock.nowMs();
  const table = tableName(item.id);
  const timed = () => report.ms + ports.clock.nowMs() - startedMs;
  try {
    ports.log.info({ table, where: elsewhere.what }, `handed to an ${elsewhere.what}`);
    const end = await elsewhere.runTable(item.id, deadlineMs);
    ports.log.info({ table, name: end.name, exitCode: end.exitCode }, `${elsewhere.what} ended`);
    return { ...await whatBecame(ports, item, { elsewhere, report, end }), ms: timed() };
  } catch (thrown) {
    return { ...report, ...failed(table, asDmscdcError(thrown)), ms: timed() };
  }
}
async function whatBecame(ports, { id }, {
  elsewhere,
  report,
  end
}) {
  const table = tableName(id);
  const item = await ports.state.get(id);
  if (item === null) return { ...report, ...failed(table, rowGone(table)) };
  const commits = await commitsAfter(ports, item, report.version);
  const done = {
    ...report,
    ...effectOf(commits),
    version: commits.at(-1)?.version ?? report.version,
    freshnessSeconds: await freshness(ports, item, commits)
  };
  if (end.exitCode === 0) return done;
  const held = heldOf(item);
  return held === null ? { ...done, ...failed(table, endError(elsewhere, end)) } : { ...done, status: "held", error: held };
}
async function commitsAfter(ports, item, known) {
  const { place } = readSettings(ports, item);
  const commits = [];
  for (let version = (known ?? -1) + 1; ; version++) {
    const [entry] = await readHistory(ports.lake, place, { head: version, limit: 1 });
    if (entry === void 0) return commits;
    commits.push(entry);
  }
}
function effectOf(commits) {
  const receipts = commits.flatMap(({ receipt }) => receipt ?? []);
  const total = (pick) => receipts.reduce((sum, receipt) => sum + pick(receipt), 0);
  const kinds = Object.keys(noChanges);
  const changes = Object.fromEntries(kinds.map((kind) => [kind, total((receipt) => receipt.changes[kind])]));
  const status = commits.some(({ operation }) => operation === "INITIAL") ? "initial" : "incremental";
  return {
    status: commits.length === 0 ? "idle" : status,
    files: total((receipt) => receipt.landingFiles.length),
    changes,
    filesRewritten: total((receipt) => receipt.filesRewritten),
    filesAdded: commits.reduce((sum, { filesAdded }) => sum + filesAdded, 0),
    filesRemoved: commits.reduce((sum, { filesRemoved }) => sum + filesRemoved, 0),
    bytesRead: total((receipt) => receipt.bytesRead),
    bytesWritten: total((receipt) => receipt.bytesWritten)
  };
}
async function freshness(ports, { id }, commits) {
  const last = commits.filter(({ receipt }) => (receipt?.landingFiles.length ?? 0) > 0).at(-1);
  if (last === void 0) return null;
  const info = await ports.landing.head(`${id.schema}/${id.table}/${last.receipt?.landingFiles.at(-1) ?? ""}`);
  return info && Math.max(0, (last.timestampMs - info.modifiedMs) / 1e3);
}
function heldOf({ row }) {
  const held = row?.Held;
  if (held === void 0) return null;
  return { kind: String(held.kind), message: String(held.message), hint: String(held.hint) };
}
function failed(table, error) {
  return { status: "failed", error: describe(error, table) };
}
function endError({ what }, { exitCode, reason, name }) {
  const how = exitCode === null ? "ended without an exit code" : `ended with exit code ${String(exitCode)}`;
  return new DmscdcError("unavailable", `${what} ${name} ${how}${reason === "" ? "" : `: ${reason}`}`, {
    hint: `read its log; run again, or here: dmscdc run --table <table>`
  });
}
function rowGone(table) {
  return new DmscdcError("unavailable", `state row of ${table}: is gone, expected it since this run began`, {
    hint: "run again: a table of the landing without a row is registered, inactive"
  });
}
export {
  withElsewhere
};
//# sourceMappingURL=elsewhere-YO7S3HEO.js.map
