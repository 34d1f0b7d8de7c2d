"""The launcher against ECS and CloudWatch Logs as AWS documents their answers. Needs no package: the clients are handed in."""

import io
import unittest
from contextlib import redirect_stderr

from launch_task import RunFailed, launch, parse, run_request

ARN = "arn:aws:ecs:eu-west-1:111122223333:task/dmscdc/0123456789abcdef0123456789abcdef"
ARGUMENTS = {
    "cluster": "dmscdc",
    "task_definition": "dmscdc:7",
    "container": "dmscdc",
    "subnets": "subnet-1,subnet-2",
    "security_groups": "sg-1",
    "assign_public_ip": "ENABLED",
    "log_group": "/dmscdc/run",
    "log_prefix": "run",
    "timeout_minutes": "60",
}


class AwsError(Exception):
    """As botocore's ClientError carries it."""

    def __init__(self, code, message="", status=400):
        super().__init__(f"An error occurred ({code}): {message}")
        self.response = {"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status}}


class ReadTimeoutError(Exception):
    """Has the name of botocore's: the request may have been carried out, its answer is lost."""


class Ecs:
    """Gives the scripted answers in turn, the last one for ever; an exception among them is raised. One task per token."""

    def __init__(self, starts, looks=()):
        self.answers = {"run_task": list(starts), "describe_tasks": list(looks)}
        self.tokens, self.stopped, self.calls = [], [], []

    def run_task(self, **request):
        self.tokens.append(request["clientToken"])
        return self.next("run_task")

    def describe_tasks(self, cluster, tasks):
        assert (cluster, tasks) == ("dmscdc", [ARN])
        return self.next("describe_tasks")

    def stop_task(self, cluster, task, reason):
        self.stopped.append((cluster, task, reason))

    def next(self, name):
        self.calls.append(name)
        answers = self.answers[name]
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer


class Logs:
    def __init__(self, messages=(), error=None):
        self.messages, self.error, self.requests = messages, error, []

    def get_log_events(self, **request):
        self.requests.append(request)
        if self.error is not None:
            raise self.error
        return {"events": [{"timestamp": n, "message": text} for n, text in enumerate(self.messages)]}


class Clock:
    """Stands still but for the sleeps."""

    def __init__(self):
        self.seconds = 0

    def __call__(self):
        return self.seconds

    def sleep(self, seconds):
        self.seconds += seconds


def task(status, **more):
    return {"tasks": [{"taskArn": ARN, "lastStatus": status, "containers": [{"name": "dmscdc"}], **more}], "failures": []}


def stopped(code, stop_code="EssentialContainerExited", reason="Essential container in task exited", container=None):
    ended = {"name": "dmscdc", **({} if code is None else {"exitCode": code}), **({} if container is None else {"reason": container})}
    started = {} if stop_code == "TaskFailedToStart" else {"startedAt": "2026-11-21T10:00:00Z"}
    return task("STOPPED", containers=[ended], stopCode=stop_code, stoppedReason=reason, **started)


STARTED = task("PROVISIONING")
MISSING = {"tasks": [], "failures": [{"arn": ARN, "reason": "MISSING"}]}


class LauncherTest(unittest.TestCase):
    def run_launcher(self, ecs, logs=None, clock=None):
        clock = clock or Clock()
        options = parse([part for name, value in ARGUMENTS.items() for part in (f"--{name}", value)])
        said = []
        try:
            launch(ecs, logs or Logs(), options, "token-1", clock, clock.sleep, said.append)
            return said, None
        except RunFailed as error:
            return said, str(error)

    def fails(self, ecs, *parts, logs=None, clock=None):
        said, error = self.run_launcher(ecs, logs, clock)
        self.assertIsNotNone(error, "it was taken for a success")
        for part in parts:
            self.assertIn(part, error)
        return said

    def succeeds(self, ecs, logs=None, clock=None):
        said, error = self.run_launcher(ecs, logs, clock)
        self.assertIsNone(error)
        return said

    def test_a_task_that_goes_from_pending_to_exit_0_is_a_success(self):
        ecs = Ecs([STARTED], [task("PENDING"), task("RUNNING"), task("RUNNING"), stopped(0)])
        self.succeeds(ecs)
        self.assertEqual((len(ecs.calls), ecs.stopped), (5, []))

    def test_exit_1_is_a_failure_that_says_a_table_failed_or_is_held(self):
        self.fails(Ecs([STARTED], [stopped(1)]), "exit code 1", "a table failed or is held")

    def test_exit_2_is_a_failure_that_says_wrong_use(self):
        self.fails(Ecs([STARTED], [stopped(2)]), "exit code 2", "wrong use")

    def test_a_task_killed_for_memory_says_so(self):
        reason = "OutOfMemoryError: Container killed due to memory usage"
        self.fails(Ecs([STARTED], [stopped(137, container=reason)]), "exit code 137", reason)

    def test_a_task_that_cannot_pull_its_image_did_not_start(self):
        reason = "CannotPullContainerError: pull image manifest has been retried 5 time(s)"
        self.fails(Ecs([STARTED], [stopped(None, "TaskFailedToStart", reason)]), "did not start", "TaskFailedToStart", reason)

    def test_a_container_without_an_exit_code_is_a_failure(self):
        self.fails(Ecs([STARTED], [stopped(None, "SpotInterruption", "host ended")]), "without an exit code", "SpotInterruption")

    def test_a_task_without_its_container_is_a_failure(self):
        self.fails(Ecs([STARTED], [task("STOPPED", containers=[], stoppedReason="gone")]), "did not start", "gone")

    def test_exit_0_of_another_container_is_no_success(self):
        other = [{"name": "sidecar", "exitCode": 0}, {"name": "dmscdc", "exitCode": 1}]
        self.fails(Ecs([STARTED], [task("STOPPED", containers=other)]), "exit code 1")

    def test_want_of_capacity_inside_http_200_is_a_failure_with_its_reason(self):
        answer = {"tasks": [], "failures": [{"reason": "RESOURCE:ENI", "detail": "no address is free"}]}
        ecs = Ecs([answer])
        self.fails(ecs, "started no task", "RESOURCE:ENI", "no address is free")
        self.assertEqual(ecs.stopped, [])

    def test_an_answer_without_tasks_and_failures_is_a_failure(self):
        self.fails(Ecs([{"tasks": [], "failures": []}]), "started no task", "no reason")

    def test_a_refusal_is_not_asked_again(self):
        ecs = Ecs([AwsError("AccessDeniedException", "not authorized to perform: ecs:RunTask")])
        self.fails(ecs, "run_task", "not authorized")
        self.assertEqual(len(ecs.calls), 1)

    def test_a_lost_answer_is_asked_again_with_the_same_token(self):
        ecs = Ecs([ReadTimeoutError("read timed out"), AwsError("ServerException", status=500), STARTED], [stopped(0)])
        self.succeeds(ecs)
        self.assertEqual(ecs.tokens, ["token-1"] * 3)

    def test_a_start_throttled_for_ever_ends(self):
        clock = Clock()
        self.fails(Ecs([AwsError("ThrottlingException", "Rate exceeded")]), "run_task", "Rate exceeded", clock=clock)
        self.assertLess(clock.seconds, 400)

    def test_waiting_survives_throttling_lost_answers_and_errors_of_the_server(self):
        passing = [AwsError("ThrottlingException"), ReadTimeoutError(), AwsError("Whatever", status=503)]
        ecs = Ecs([STARTED], [task("RUNNING"), *passing, task("RUNNING"), *passing, stopped(0)])
        self.succeeds(ecs)
        self.assertEqual(ecs.stopped, [])

    def test_a_defect_is_not_taken_for_a_lost_answer(self):
        self.fails(Ecs([KeyError("clientToken")]), "run_task")

    def test_a_task_not_yet_visible_is_waited_for(self):
        self.succeeds(Ecs([STARTED], [MISSING, MISSING, task("RUNNING"), stopped(0)]))

    def test_a_task_that_ecs_no_longer_knows_is_a_failure(self):
        self.fails(Ecs([STARTED], [MISSING]), "no longer knows", "MISSING")

    def test_a_task_over_its_time_is_stopped_and_is_a_failure(self):
        ecs, clock = Ecs([STARTED], [task("RUNNING")]), Clock()
        said = self.fails(ecs, "60 minutes", logs=Logs(["merging"]), clock=clock)
        self.assertEqual([(cluster, arn) for cluster, arn, _ in ecs.stopped], [("dmscdc", ARN)])
        self.assertTrue(3600 <= clock.seconds < 3660)
        self.assertIn("task | merging", said)

    def test_a_task_that_cannot_be_watched_is_stopped(self):
        ecs = Ecs([STARTED], [AwsError("AccessDeniedException", "no")])
        self.fails(ecs, "describe_tasks")
        self.assertEqual(len(ecs.stopped), 1)

    def test_a_task_that_cannot_be_stopped_is_named_and_hides_nothing(self):
        ecs = Ecs([STARTED], [task("RUNNING")])
        ecs.stop_task = self.refuse
        said = self.fails(ecs, "60 minutes")
        self.assertTrue(any(ARN in line and "may still run" in line for line in said))

    def refuse(self, **_request):
        raise AwsError("AccessDeniedException")

    def test_the_last_log_lines_are_passed_on_and_no_metric_counts_twice(self):
        metric = '{"_aws":{"CloudWatchMetrics":[]},"Runs":1}'
        logs = Logs(["sales.orders merged", metric])
        said = self.succeeds(Ecs([STARTED], [stopped(0)]), logs=logs)
        self.assertEqual(said[-2:], ["task | sales.orders merged", f"task | {metric}"])
        self.assertFalse(any(line.startswith("{") for line in said))
        stream = "run/dmscdc/0123456789abcdef0123456789abcdef"
        self.assertEqual(logs.requests, [{"logGroupName": "/dmscdc/run", "logStreamName": stream, "limit": 100}])

    def test_missing_log_lines_do_not_change_how_the_run_ends(self):
        gone = Logs(error=AwsError("ResourceNotFoundException", "The specified log stream does not exist."))
        said = self.succeeds(Ecs([STARTED], [stopped(0)]), logs=gone)
        self.assertIn("does not exist", said[-1])
        self.fails(Ecs([STARTED], [stopped(1)]), "exit code 1", logs=gone)

    def test_glue_s_own_arguments_are_no_obstacle_and_a_command_can_be_given(self):
        ours = [part for name, value in ARGUMENTS.items() for part in (f"--{name}", value)]
        glue = ["--job-language", "python", "--JOB_NAME", "dmscdc", "--TempDir", "s3://somewhere/"]
        request = run_request(parse([*glue, *ours, "--command", "run --table 'my shop.orders'"]), "t")
        self.assertEqual(request["overrides"]["containerOverrides"][0]["command"], ["run", "--table", "my shop.orders"])
        network = request["networkConfiguration"]["awsvpcConfiguration"]
        self.assertEqual(network, {"subnets": ["subnet-1", "subnet-2"], "securityGroups": ["sg-1"], "assignPublicIp": "ENABLED"})

    def test_a_missing_argument_ends_the_job_at_once(self):
        with redirect_stderr(io.StringIO()), self.assertRaises(SystemExit):
            parse(["--cluster", "dmscdc"])


if __name__ == "__main__":
    unittest.main()
