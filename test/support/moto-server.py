"""A moto server on a port of the loopback that answers one request at a time.

moto looks whether a key is there and then stores it, in two steps: with several requests at a time two writers can both put what
was absent (measured: about one race of 20 writers in a hundred). AWS does not do that.
"""

import sys
import threading

from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
from werkzeug.serving import run_simple

moto = DomainDispatcherApplication(create_backend_app)
lock = threading.Lock()


def one_at_a_time(environ, start_response):
    with lock:
        return list(moto(environ, start_response))


run_simple("127.0.0.1", int(sys.argv[1]), one_at_a_time, threaded=True, request_handler=MotoRequestHandler)
