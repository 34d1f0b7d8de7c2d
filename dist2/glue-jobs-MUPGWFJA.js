import { createRequire } from "node:module"; const require = createRequire(import.meta.url);
import {
  awsError,
  awsErrorName
} from "./chunk-S56KGHJP.js";
import {
  tableName
} from "./chunk-AXMMCPKP.js";
import {
  DmscdcError
} from "./chunk-AUUPOFDD.js";
import "./chunk-YBW5XDR7.js";

// src/dispatch/glue-jobs.ts
import {
  BatchStopJobRunCommand,
  GetJobRunCommand,
  GlueClient,
  StartJobRunCommand
} from "@aws-sdk/client-glue";
var usualTimes = { pollMs: 15e3, startMs: 30 * 6e4 };
var failuresMax = 10;
function glueJobs(jobName, world) {
  const times = { ...usualTimes, ...world.times };
  const client = new GlueClient({
    maxAttempts: 8,
    requestHandler: { connectionTimeout: 5e3, requestTimeout: 3e4, throwOnRequestTimeout: true },
    ...world.client
  });
  const glue = { client, jobName, clock: world.clock, times };
  return {
    what: "Glue job run",
    async runTable(id, deadlineMs) {
      const runId = await startRun(glue, id);
      const ended = await endedRun(glue, runId, world.clock.nowMs() + deadlineMs + times.startMs);
      if (ended === null) throw await stopLate(glue, runId);
      return endOf(runId, ended);
    }
  };
}
async function startRun({ client, jobName, clock, times }, id) {
  const givenUpAtMs = clock.nowMs() + times.startMs;
  for (; ; ) {
    try {
      const command = new StartJobRunCommand({ JobName: jobName, Arguments: { "--item": tableName(id) } });
      return (await client.send(command)).JobRunId ?? "";
    } catch (thrown) {
      if (!isFull(thrown)) throw jobError(thrown, `StartJobRun ${jobName}`, "glue:StartJobRun");
      if (clock.nowMs() + times.pollMs > givenUpAtMs) throw stillFull(jobName, thrown);
      await clock.sleep(times.pollMs);
    }
  }
}
function isFull(thrown) {
  return ["ConcurrentRunsExceededException", "ResourceNumberLimitExceededException"].includes(awsErrorName(thrown));
}
async function endedRun({ client, jobName, clock, times }, runId, untilMs) {
  for (let failures = 0; clock.nowMs() < untilMs; ) {
    await clock.sleep(times.pollMs);
    try {
      const { JobRun } = await client.send(new GetJobRunCommand({ JobName: jobName, RunId: runId }));
      if (JobRun !== void 0 && endStates.includes(JobRun.JobRunState ?? "")) return JobRun;
      failures = 0;
    } catch (thrown) {
      const error = jobError(thrown, `GetJobRun ${jobName} ${runId}`, "glue:GetJobRun");
      if (error.kind === "invalid-config" || ++failures >= failuresMax) throw error;
    }
  }
  return null;
}
var endStates = ["SUCCEEDED", "FAILED", "STOPPED", "TIMEOUT", "ERROR", "EXPIRED"];
function endOf(runId, { JobRunState, ErrorMessage }) {
  const exitCode = JobRunState === "SUCCEEDED" ? 0 : JobRunState === "FAILED" ? 1 : null;
  const reason = [JobRunState === "SUCCEEDED" ? "" : JobRunState, ErrorMessage].filter((part) => part).join(": ");
  return { exitCode, reason, name: runId };
}
async function stopLate({ client, jobName }, runId) {
  const stop = new BatchStopJobRunCommand({ JobName: jobName, JobRunIds: [runId] });
  const stopped = await client.send(stop).then(
    ({ Errors = [] }) => Errors.length === 0 ? "it was stopped" : `it could not be stopped: ${Errors[0]?.ErrorDetail?.ErrorMessage ?? ""}`,
    (thrown) => `it could not be stopped: ${String(thrown)}`
  );
  return new DmscdcError("unavailable", `Glue job run ${runId} took longer than the deadline; ${stopped}`, {
    hint: "run again: the next run goes on from the last commit. If it comes back, give more time with --deadline"
  });
}
function jobError(thrown, subject, action) {
  return awsError(thrown, { subject, hint: `check DMSCDC_GLUE_JOB and the role of this process: it needs ${action}` });
}
function stillFull(jobName, cause) {
  return new DmscdcError(
    "unavailable",
    `StartJobRun ${jobName}: as many runs as the job may have are still under way`,
    {
      hint: `run again later, or raise the maximum concurrency of the job ${jobName}`,
      cause
    }
  );
}
export {
  glueJobs
};
//# sourceMappingURL=glue-jobs-MUPGWFJA.js.map
