"""apprise, through its own JSON service and a real HTTP receiver."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from edge.alerts.channels.apprise import AppriseChannel
from edge.alerts.event import AlertConfigError, DeliveryError

pytest.importorskip("apprise", reason="apprise is not installed (extra alerts)")


class Service:
    """Something that apprise posts JSON to."""

    def __init__(self):
        self.bodies, self.status = [], 200
        service = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if service.status == 200:
                    service.bodies.append(json.loads(body))
                self.send_response(service.status)
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"json://127.0.0.1:{self.server.server_address[1]}/t0ken"
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()


@pytest.fixture
def services():
    made = [Service(), Service()]
    yield made
    for service in made:
        service.server.shutdown()
        service.server.server_close()


@pytest.fixture
def channel(build):
    return lambda *urls: build(AppriseChannel, {"URLS": "\n".join(urls)}, urls_env="URLS", timeout_s=2.0)


def test_every_service_is_notified(services, channel, event):
    channel(*(service.url for service in services)).send(event)
    for service in services:
        (body,) = service.bodies
        assert body["title"] == "Synthetic voice suspected"
        assert body["message"] == "mic, 3 % real, after 6.2 s of speech"
        assert body["type"] == "warning"


def test_a_second_attempt_goes_only_to_the_service_that_failed(services, channel, event, caplog, capfd):
    first, second = services
    second.status = 500
    both = channel(first.url, second.url)
    with pytest.raises(DeliveryError, match=r"apprise could not notify service 2 \(JSON\) of 2") as caught:
        both.send(event)
    second.status = 200
    both.send(event)
    assert (len(first.bodies), len(second.bodies)) == (1, 1)
    assert "t0ken" not in str(caught.value) + caplog.text + "".join(capfd.readouterr())


def test_a_url_that_apprise_does_not_know_is_refused_and_not_shown(services, channel, caplog, capfd):
    with pytest.raises(AlertConfigError, match="apprise: URL 2 of 2 is not understood") as caught:
        channel(services[0].url, "nothing://t0ken")
    assert "t0ken" not in str(caught.value) + caplog.text + "".join(capfd.readouterr())
