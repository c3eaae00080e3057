"""A webhook receiver of the tests' own; it takes only what an independent implementation of the standard verifies."""

from __future__ import annotations

import base64
import json
import threading
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from standardwebhooks.webhooks import Webhook, WebhookVerificationError

SECRET = "whsec_" + base64.b64encode(bytes(range(32))).decode()
START = 1_800_000_000.0
"""What the tests' clock shows at first, seconds since 1970."""


class Receiver:
    """Listens on a port of its own, which it keeps through `stop` and `start`.

    ``answer`` is asked for each request: a status, or (status, headers), or None to hang up without a word.
    ``received`` holds the verified events; ``refused`` what did not verify.
    """

    def __init__(self, secret, answer=lambda: 204, check_time=False):
        self.secret, self.answer, self.check_time = secret, answer, check_time
        self.received, self.refused, self.requests = [], [], []
        self._server = None
        self.port = 0

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.stop()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}/hook?token=t0ken"

    def start(self):
        class Server(ThreadingHTTPServer):
            daemon_threads = True
            allow_reuse_address = True

            def handle_error(self, request, client_address):
                """A sender that was killed is no news."""

        self._server = Server(("127.0.0.1", self.port), self._handler())
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def stop(self):
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    def ids(self):
        return [headers["webhook-id"] for headers, _ in self.received]

    def _verified(self, body, headers):
        webhook = Webhook(self.secret)
        if not self.check_time:
            # The tests' clock is not today's.
            webhook._Webhook__verify_timestamp = lambda stamp: datetime.fromtimestamp(float(stamp), tz=UTC)
        return webhook.verify(body, headers)

    def _handler(receiver):  # noqa: N805 - the handler has a self of its own
        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                length = int(self.headers["Content-Length"])
                body = self.rfile.read(length)
                if len(body) < length:
                    # The sender died while it sent.
                    self.close_connection = True
                    return
                headers = {name.lower(): value for name, value in self.headers.items()}
                receiver.requests.append((self.path, headers, body))
                answer = receiver.answer()
                try:
                    event = receiver._verified(body, headers)
                except (WebhookVerificationError, json.JSONDecodeError) as error:
                    receiver.refused.append((headers, body, repr(error)))
                    self.send_response(401)
                    self.end_headers()
                    return
                status, more = answer if isinstance(answer, tuple) else (answer, {})
                if status is None or 200 <= status < 300:
                    # Hanging up after taking the event is what makes "at least once" more than once.
                    receiver.received.append((headers, event))
                if status is None:
                    self.close_connection = True
                    self.connection.close()
                    return
                self.send_response(status)
                for name, value in more.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        return Handler
