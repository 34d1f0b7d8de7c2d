"""The Glue Python-shell job: runs dmscdc's task on Fargate, waits, passes on its last log lines, and ends as it ended.

So Glue's run history, retries and events are true: anything but exit code 0 raises `RunFailed`, whose text Glue shows.
"""

import argparse
import json
import shlex
import sys
import time
import uuid

PASSING_CODES = {"ThrottlingException", "TooManyRequestsException", "RequestLimitExceeded", "ServerException", "RequestTimeout"}
PASSING_TYPES = {"ConnectTimeoutError", "ReadTimeoutError", "ConnectionClosedError", "EndpointConnectionError", "HTTPClientError"}
MEANINGS = {1: "a table failed or is held", 2: "wrong use", 137: "killed, most often for want of memory", 143: "stopped"}
START_SECONDS, POLL_SECONDS, LOG_LINES = 300, 10, 100


class RunFailed(Exception):
    """The run did not end well; the text says how it ended."""


def launch(ecs, logs, options, token, clock=time.monotonic, sleep=time.sleep, say=print):
    """Runs one task to its end. Raises RunFailed where it cannot start, ends with another code than 0, or takes too long."""

    def patiently(call, until, **request):
        pause = 1
        while True:
            try:
                return call(**request)
            except Exception as error:
                if not is_passing(error) or clock() >= until:
                    raise RunFailed(f"ECS refused {call.__name__}: {error}") from error
            sleep(pause)
            pause = min(2 * pause, 30)

    def wait(until):
        while True:
            answer = patiently(ecs.describe_tasks, until, cluster=options.cluster, tasks=[arn])
            task = next(iter(answer["tasks"]), None)
            if task is not None and task["lastStatus"] == "STOPPED":
                return task
            # A task that was just started may not be seen yet.
            if task is None and clock() - started > START_SECONDS:
                raise RunFailed(f"ECS no longer knows the task {arn}: {reasons(answer)}")
            if clock() >= until:
                raise RunFailed(f"the task {arn} was stopped after {options.timeout_minutes} minutes, its limit")
            sleep(POLL_SECONDS)

    started = clock()
    # A repeated request with the same token starts nothing twice, also where the first one's answer was lost.
    answer = patiently(ecs.run_task, started + START_SECONDS, **run_request(options, token))
    if not answer["tasks"]:
        raise RunFailed(f"ECS started no task: {reasons(answer)}")
    arn = answer["tasks"][0]["taskArn"]
    say(f"started {arn}")
    try:
        task = wait(started + 60 * options.timeout_minutes)
    except BaseException:
        stop(ecs, options.cluster, arn, say)
        raise
    finally:
        show_logs(logs, options, arn.rsplit("/", 1)[-1], say)
    judge(task, options.container)


def run_request(options, token):
    network = {
        "subnets": options.subnets.split(","),
        "securityGroups": options.security_groups.split(","),
        "assignPublicIp": options.assign_public_ip,
    }
    override = {"name": options.container, "command": shlex.split(options.command)}
    return {
        "cluster": options.cluster,
        "taskDefinition": options.task_definition,
        "launchType": "FARGATE",
        "networkConfiguration": {"awsvpcConfiguration": network},
        "overrides": {"containerOverrides": [override]},
        "count": 1,
        "clientToken": token,
        "startedBy": "dmscdc-launcher",
    }


def stop(ecs, cluster, arn, say):
    try:
        ecs.stop_task(cluster=cluster, task=arn, reason="dmscdc's launcher gave up waiting")
    except Exception as error:
        say(f"the task {arn} may still run: {error}")


def judge(task, name):
    container = next((found for found in task["containers"] if found["name"] == name), {})
    why = ", ".join(filter(None, [task.get("stopCode"), task.get("stoppedReason"), container.get("reason")]))
    code = container.get("exitCode")
    if code is None:
        raise RunFailed(f"the task {'ended without an exit code' if 'startedAt' in task else 'did not start'}: {why}")
    if code != 0:
        raise RunFailed(f"dmscdc ended with exit code {code} ({MEANINGS.get(code, 'unexpected')}): {why}")


def show_logs(logs, options, task_id, say):
    """The last lines, each marked, so that a metric among them is not counted again; never changes how the run ends."""
    stream = f"{options.log_prefix}/{options.container}/{task_id}"
    try:
        answer = logs.get_log_events(logGroupName=options.log_group, logStreamName=stream, limit=LOG_LINES)
    except Exception as error:
        say(f"no log lines of {stream} in {options.log_group}: {error}")
        return
    for event in answer["events"]:
        say(f"task | {event['message']}")


def reasons(answer):
    told = [", ".join(filter(None, [one.get("reason"), one.get("detail")])) for one in answer.get("failures", [])]
    return "; ".join(told) or "it gave no reason"


def is_passing(error):
    response = getattr(error, "response", None) or {}
    status = response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    code = response.get("Error", {}).get("Code")
    return code in PASSING_CODES or status >= 500 or type(error).__name__ in PASSING_TYPES


def parse(arguments):
    """Glue passes arguments of its own beside ours."""
    parser = argparse.ArgumentParser(allow_abbrev=False)
    for name in ["cluster", "task_definition", "container", "subnets", "security_groups", "assign_public_ip", "log_group"]:
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--log_prefix", required=True)
    parser.add_argument("--timeout_minutes", type=int, required=True)
    parser.add_argument("--command", default="run")
    return parser.parse_known_args(arguments)[0]


def ecs_client(session):
    """Glue's own boto3 is older than RunTask's clientToken and refuses it; there it goes into the request's body by itself."""
    ecs = session.client("ecs")
    if "clientToken" not in ecs.meta.service_model.operation_model("RunTask").input_shape.members:
        ecs.meta.events.register("provide-client-params.ecs.RunTask", take_token)
        ecs.meta.events.register("before-call.ecs.RunTask", put_token)
    return ecs


def take_token(params, context, **_more):
    context["clientToken"] = params["clientToken"]
    return {name: value for name, value in params.items() if name != "clientToken"}


def put_token(params, context, **_more):
    params["body"] = json.dumps({**json.loads(params["body"]), "clientToken": context["clientToken"]}).encode()


if __name__ == "__main__":
    import boto3

    launch(ecs_client(boto3), boto3.client("logs"), parse(sys.argv[1:]), str(uuid.uuid4()))
