import { createRequire } from "node:module"; const require = createRequire(import.meta.url);
import {
  awsError
} from "./chunk-S56KGHJP.js";
import {
  pLimit
} from "./chunk-REN7AKN7.js";
import {
  tableName
} from "./chunk-AXMMCPKP.js";
import {
  DmscdcError
} from "./chunk-AUUPOFDD.js";
import "./chunk-YBW5XDR7.js";

// src/dispatch/ecs-tasks.ts
import { createHash } from "node:crypto";
import {
  DescribeTaskDefinitionCommand,
  ECSClient,
  RunTaskCommand,
  StopTaskCommand
} from "@aws-sdk/client-ecs";

// src/dispatch/ecs-task-watch.ts
import { DescribeTasksCommand } from "@aws-sdk/client-ecs";
var tasksPerCall = 100;
var missingMax = 12;
var failuresMax = 10;
function taskWatch(client, options) {
  const { cluster, pollMs, clock } = options;
  const watched = /* @__PURE__ */ new Map();
  let looping = false;
  let failures = 0;
  const settle = (arn, end) => {
    const one = watched.get(arn);
    watched.delete(arn);
    if (one !== void 0) end(one);
  };
  const look = async (arns) => {
    const { tasks = [], failures: missing = [] } = await client.send(
      new DescribeTasksCommand({ cluster, tasks: [...arns] })
    );
    for (const task of tasks)
      if (task.lastStatus === "STOPPED") settle(task.taskArn ?? "", ({ resolve }) => resolve(task));
    for (const { arn = "", reason = "" } of missing) {
      const one = watched.get(arn);
      if (one !== void 0 && ++one.missing >= missingMax) settle(arn, ({ reject }) => reject(lostSight(arn, reason)));
    }
  };
  const lookAtAll = async () => {
    const arns = [...watched.keys()];
    try {
      for (let at = 0; at < arns.length; at += tasksPerCall) await look(arns.slice(at, at + tasksPerCall));
      failures = 0;
    } catch (thrown) {
      const error = awsError(thrown, {
        subject: `DescribeTasks in ${cluster}`,
        hint: "the role needs ecs:DescribeTasks"
      });
      if (error.kind === "invalid-config" || ++failures >= failuresMax)
        for (const arn of arns) settle(arn, ({ reject }) => reject(error));
    }
    for (const [arn, { untilMs }] of watched) if (clock.nowMs() >= untilMs) settle(arn, ({ resolve }) => resolve(null));
  };
  const loop = async () => {
    looping = true;
    while (watched.size > 0) {
      await clock.sleep(pollMs);
      await lookAtAll();
    }
    looping = false;
  };
  return {
    stopped: (arn, untilMs) => new Promise((resolve, reject) => {
      watched.set(arn, { untilMs, missing: 0, resolve, reject });
      if (!looping) void loop();
    })
  };
}
function lostSight(arn, reason) {
  return new DmscdcError(
    "unavailable",
    `ECS task ${arn.split("/").at(-1) ?? ""} is unknown to DescribeTasks: ${reason}`,
    {
      hint: "read its log, and run again"
    }
  );
}

// src/dispatch/ecs-tasks.ts
var usualTimes = { pollMs: 1e4, capacityPauseMs: 15e3, startMs: 15 * 6e4 };
var capacityPauseMsMax = 12e4;
function ecsTasks(settings, world) {
  const times = { ...usualTimes, ...world.times };
  const client = new ECSClient({
    maxAttempts: 8,
    requestHandler: { connectionTimeout: 5e3, requestTimeout: 3e4, throwOnRequestTimeout: true },
    ...world.client
  });
  const ecs = {
    client,
    settings,
    world,
    times,
    watch: taskWatch(client, { ...settings, ...times, clock: world.clock })
  };
  let slots = null;
  return {
    what: "ECS task",
    async runTable(id, deadlineMs) {
      slots ??= slotsWithin(ecs);
      const limit = await slots;
      return limit(() => runTask(ecs, id, deadlineMs));
    }
  };
}
async function slotsWithin({ client, settings }) {
  const { vcpuBudget, taskDefinition } = settings;
  if (vcpuBudget === null) return pLimit(Number.POSITIVE_INFINITY);
  const described = await send(
    `DescribeTaskDefinition ${taskDefinition}`,
    "ecs:DescribeTaskDefinition",
    () => client.send(new DescribeTaskDefinitionCommand({ taskDefinition }))
  );
  const taskVcpus = Number(described.taskDefinition?.cpu ?? 1024) / 1024;
  return pLimit(Math.max(1, Math.floor(vcpuBudget / taskVcpus)));
}
async function runTask(ecs, id, deadlineMs) {
  const { clock } = ecs.world;
  const givenUpAtMs = clock.nowMs() + ecs.times.startMs;
  for (let attempt = 1; ; attempt++) {
    const end = await tryTask(ecs, id, { attempt, deadlineMs });
    if ("exitCode" in end) return end;
    const pauseMs = Math.min(capacityPauseMsMax, ecs.times.capacityPauseMs * 2 ** (attempt - 1));
    if (clock.nowMs() + pauseMs > givenUpAtMs) throw noCapacity(ecs, end.noCapacity, attempt);
    await clock.sleep(pauseMs);
  }
}
async function tryTask(ecs, id, { attempt, deadlineMs }) {
  const started = await startTask(ecs, id, attempt);
  if ("noCapacity" in started) return started;
  const { clock } = ecs.world;
  const stopped = await ecs.watch.stopped(started.arn, clock.nowMs() + deadlineMs + ecs.times.startMs);
  if (stopped === null) throw await stopLate(ecs, started.arn);
  const end = endOf(stopped, ecs.settings.container);
  return end.exitCode === null && isCapacity(end.reason) ? { noCapacity: end.reason } : end;
}
async function startTask(ecs, id, attempt) {
  const { client, settings, world } = ecs;
  const { cluster, taskDefinition, container, subnets, securityGroups, publicIp } = settings;
  const command = new RunTaskCommand({
    cluster,
    taskDefinition,
    launchType: "FARGATE",
    count: 1,
    clientToken: createHash("sha256").update(JSON.stringify([world.runId, id, attempt])).digest("hex"),
    startedBy: `dmscdc/${world.runId}`,
    networkConfiguration: {
      awsvpcConfiguration: {
        subnets: [...subnets],
        securityGroups: [...securityGroups],
        assignPublicIp: publicIp ? "ENABLED" : "DISABLED"
      }
    },
    overrides: { containerOverrides: [{ name: container, command: ["run", "--table", tableName(id)] }] }
  });
  try {
    const { tasks = [], failures = [] } = await client.send(command);
    const arn = tasks[0]?.taskArn;
    if (arn !== void 0) return { arn };
    const reason = failures.map(failureText).join("; ");
    if (isCapacity(reason)) return { noCapacity: reason };
    throw notStarted(settings, reason);
  } catch (thrown) {
    const message = thrown instanceof Error ? thrown.message : "";
    if (!(thrown instanceof DmscdcError) && isCapacity(message)) return { noCapacity: message };
    throw awsError(thrown, {
      subject: `RunTask ${taskDefinition} in ${cluster}`,
      hint: rightsHint("ecs:RunTask and iam:PassRole")
    });
  }
}
function isCapacity(reason) {
  return /capacity is unavailable|RESOURCE:|reached the limit|vCPU limit|concurrently|throttl/iu.test(reason);
}
function endOf(task, containerName) {
  const container = (task.containers ?? []).find(({ name }) => name === containerName);
  const reasons = [task.stoppedReason, container?.reason].filter((reason) => reason !== void 0 && reason !== "");
  return {
    exitCode: container?.exitCode ?? null,
    reason: reasons.join("; "),
    name: task.taskArn?.split("/").at(-1) ?? ""
  };
}
async function stopLate({ client, settings }, arn) {
  const stop = new StopTaskCommand({ cluster: settings.cluster, task: arn, reason: "dmscdc: deadline of the table" });
  const stopped = await client.send(stop).then(
    () => "it was stopped",
    (thrown) => `it could not be stopped: ${String(thrown)}`
  );
  return new DmscdcError(
    "unavailable",
    `ECS task ${arn.split("/").at(-1) ?? ""} took longer than the deadline; ${stopped}`,
    {
      hint: "run again: the next run goes on from the last commit. If it comes back, give more time with --deadline"
    }
  );
}
async function send(subject, action, call) {
  try {
    return await call();
  } catch (thrown) {
    throw awsError(thrown, { subject, hint: rightsHint(action) });
  }
}
function notStarted({ taskDefinition, cluster }, reason) {
  return new DmscdcError("invalid-config", `RunTask ${taskDefinition} in ${cluster}: started nothing: ${reason}`, {
    hint: "check DMSCDC_ECS_CLUSTER, DMSCDC_ECS_TASK_DEFINITION, DMSCDC_ECS_SUBNETS and DMSCDC_ECS_SECURITY_GROUPS"
  });
}
function noCapacity({ settings }, reason, attempts) {
  return new DmscdcError(
    "unavailable",
    `RunTask ${settings.taskDefinition}: no capacity in ${String(attempts)} tries: ${reason}`,
    {
      hint: "run again later, ask for a higher vCPU quota of Fargate, or lower --vcpu-budget"
    }
  );
}
function failureText({ arn, reason, detail }) {
  return [reason, detail, arn].filter((part) => part !== void 0 && part !== "").join(" ");
}
function rightsHint(actions) {
  return `check DMSCDC_ECS_CLUSTER, DMSCDC_ECS_TASK_DEFINITION and the role of this process: it needs ${actions}`;
}
export {
  ecsTasks
};
//# sourceMappingURL=ecs-tasks-IFEHJNR2.js.map
