"""The launcher with a real boto3, Glue's old one or a new one, against a server on this machine that answers as ECS and Logs do."""

import json
import threading
import unittest
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import boto3
from botocore.config import Config
from launch_task import RunFailed, ecs_client, launch, parse
from test_launch_task import ARGUMENTS, STARTED, Clock, stopped, task

THROTTLED = (400, {"__type": "ThrottlingException", "message": "Rate exceeded"})
BROKEN = (500, {"__type": "ServerException", "message": "Service Unavailable"})
DENIED = (400, {"__type": "AccessDeniedException", "message": "not authorized to perform: ecs:RunTask"})
NO_STREAM = (400, {"__type": "ResourceNotFoundException", "message": "The specified log stream does not exist."})
LOST = None


class Aws:
    """Gives each operation its scripted answers in turn, the last one for ever: a body, (status, body), or LOST, a closed connection."""

    def __init__(self, **answers):
        self.answers = {name: list(given) for name, given in answers.items()}
        self.requests = []
        aws = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                operation = self.headers["X-Amz-Target"].rsplit(".", 1)[-1]
                aws.requests.append((operation, json.loads(self.rfile.read(int(self.headers["Content-Length"])))))
                given = aws.answers[operation]
                answer = given.pop(0) if len(given) > 1 else given[0]
                if answer is LOST:
                    self.close_connection = True
                    return
                status, body = answer if isinstance(answer, tuple) else (200, answer)
                text = json.dumps(body).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/x-amz-json-1.1")
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            def log_message(self, *_parts):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def client(self, name):
        return boto3.client(
            name,
            endpoint_url=f"http://127.0.0.1:{self.server.server_port}",
            region_name="eu-west-1",
            aws_access_key_id="test",
            aws_secret_access_key="test",
            config=Config(retries={"total_max_attempts": 1}),
        )


class WithBoto3Test(unittest.TestCase):
    def run_launcher(self, aws):
        options = parse([part for name, value in ARGUMENTS.items() for part in (f"--{name}", value)])
        clock, said = Clock(), []
        try:
            launch(ecs_client(aws), aws.client("logs"), options, "token-1", clock, clock.sleep, said.append)
            return said, None
        except RunFailed as error:
            return said, str(error)
        finally:
            aws.server.shutdown()
            aws.server.server_close()

    def test_a_run_goes_through_throttling_errors_and_lost_answers_with_one_token(self):
        aws = Aws(
            RunTask=[LOST, BROKEN, THROTTLED, STARTED],
            DescribeTasks=[task("PENDING"), THROTTLED, LOST, BROKEN, task("RUNNING"), without_dates(stopped(0))],
            GetLogEvents=[{"events": [{"timestamp": 1, "message": "merged"}]}],
        )
        said, error = self.run_launcher(aws)
        self.assertIsNone(error)
        self.assertEqual(said[-1], "task | merged")
        starts = [body for name, body in aws.requests if name == "RunTask"]
        self.assertEqual([body["clientToken"] for body in starts], ["token-1"] * 4)
        self.assertEqual(starts[0]["overrides"], {"containerOverrides": [{"name": "dmscdc", "command": ["run"]}]})

    def test_a_refusal_and_a_bad_end_are_failures_that_say_why(self):
        said, error = self.run_launcher(Aws(RunTask=[DENIED], GetLogEvents=[NO_STREAM]))
        self.assertIn("ECS refused run_task", error)
        self.assertIn("not authorized", error)
        said, error = self.run_launcher(Aws(RunTask=[STARTED], DescribeTasks=[without_dates(stopped(1))], GetLogEvents=[NO_STREAM]))
        self.assertIn("exit code 1 (a table failed or is held)", error)
        self.assertIn("log stream does not exist", said[-1])

    def test_a_task_over_its_time_is_stopped(self):
        aws = Aws(RunTask=[STARTED], DescribeTasks=[task("RUNNING")], StopTask=[{}], GetLogEvents=[NO_STREAM])
        _, error = self.run_launcher(aws)
        self.assertIn("60 minutes", error)
        self.assertEqual([name for name, _ in aws.requests if name == "StopTask"], ["StopTask"])


def without_dates(answer):
    """ECS sends seconds since 1970 where the SDK hands out dates."""
    return {**answer, "tasks": [{**one, "startedAt": 1_795_000_000.5} for one in answer["tasks"]]}


if __name__ == "__main__":
    unittest.main()
