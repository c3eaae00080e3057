"""The webhook against a real HTTP receiver that the standardwebhooks package guards."""

from __future__ import annotations

import json
import socket
import threading
import time
from datetime import UTC, datetime
from email.utils import format_datetime

import pytest
from alert_receiver import SECRET, START

from edge.alerts.channels.webhook import WebhookChannel, retry_after_s
from edge.alerts.errors import AlertConfigError, DeliveryError
from edge.alerts.secret import Secret
from edge.alerts.signing import signing_key

KEY = signing_key(Secret(SECRET))


@pytest.fixture
def channel(receiver, clock):
    return WebhookChannel(receiver.url, [KEY], timeout_s=2.0, clock=clock)


def failure(channel, event):
    with pytest.raises(DeliveryError) as caught:
        channel.send(event)
    return caught.value


def test_an_event_arrives_signed_and_whole(channel, receiver, event):
    receiver.check_time = True
    channel._clock = time.time
    channel.send(event)
    ((headers, body),) = receiver.received
    assert body == json.loads(event.to_json())
    assert headers["webhook-id"] == body["data"]["id"] == event.id
    assert headers["content-type"] == "application/json"
    assert receiver.requests[0][0] == "/hook?token=t0ken"


def test_another_key_is_refused_by_the_receiver(receiver, clock, event):
    wrong = WebhookChannel(receiver.url, [b"w" * 32], timeout_s=2.0, clock=clock)
    error = failure(wrong, event)
    assert (str(error), error.retry) == ("127.0.0.1 answered 401", False)
    assert receiver.received == []


def test_each_attempt_is_signed_anew_for_the_same_id(channel, receiver, clock, event):
    channel.send(event)
    clock.now += 600.0
    channel.send(event)
    (first, _), (second, _) = receiver.received
    assert first["webhook-id"] == second["webhook-id"]
    assert int(second["webhook-timestamp"]) - int(first["webhook-timestamp"]) == 600
    assert first["webhook-signature"] != second["webhook-signature"]


@pytest.mark.parametrize(
    ("status", "retry", "closes"),
    [
        (400, False, False), (404, False, False), (301, True, False), (410, False, True), (408, True, False),
        (425, True, False), (429, True, False), (500, True, False), (503, True, False),
    ],
)  # fmt: skip
def test_what_a_status_means(channel, receiver, event, status, retry, closes):
    receiver.answer = lambda: status
    error = failure(channel, event)
    assert (error.retry, error.closes_channel) == (retry, closes)
    assert str(error).startswith(f"127.0.0.1 answered {status}")


@pytest.mark.parametrize("status", [200, 202, 204, 299])
def test_every_2xx_is_a_receipt(channel, receiver, event, status):
    receiver.answer = lambda: status
    channel.send(event)


def test_a_redirect_is_not_followed(channel, receiver, event):
    receiver.answer = lambda: (307, {"Location": receiver.url})
    failure(channel, event)
    assert len(receiver.requests) == 1


def test_the_receiver_can_ask_to_wait(channel, receiver, event):
    receiver.answer = lambda: (429, {"Retry-After": "120"})
    assert failure(channel, event).retry_after_s == 120.0


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (None, None), ("30", 30.0), (" 30 ", 30.0), ("soon", None), ("-5", None), ("", None), ("٣", None),
        (format_datetime(datetime.fromtimestamp(START + 90, UTC), usegmt=True), 90.0),
        (format_datetime(datetime.fromtimestamp(START - 90, UTC), usegmt=True), 0.0),
    ],
)  # fmt: skip
def test_retry_after_is_seconds_or_a_date(value, seconds):
    assert retry_after_s(value, START) == seconds


def test_a_receiver_that_is_away_or_hangs_up_is_tried_again_and_the_token_is_not_shown(channel, receiver, event):
    receiver.answer = lambda: None
    assert failure(channel, event).retry
    receiver.stop()
    error = failure(channel, event)
    assert str(error) == "127.0.0.1 cannot be reached (Connection refused)"
    assert error.retry


def test_a_receiver_that_says_nothing_is_given_up_in_time(event, clock):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        channel = WebhookChannel(f"http://127.0.0.1:{silent.getsockname()[1]}/", [KEY], timeout_s=0.2, clock=clock)
        start = time.monotonic()
        assert failure(channel, event).retry
        assert time.monotonic() - start < channel.longest_s + 0.5


def test_an_answer_that_is_no_http_is_tried_again(event, clock):
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer():
            connection, _ = server.accept()
            connection.recv(65536)
            connection.sendall(b"220 smtp ready\r\n")
            connection.close()

        thread = threading.Thread(target=answer)
        thread.start()
        channel = WebhookChannel(f"http://127.0.0.1:{server.getsockname()[1]}/", [KEY], timeout_s=2.0, clock=clock)
        assert str(failure(channel, event)) == "127.0.0.1 cannot be reached (BadStatusLine)"
        thread.join()


def test_https_is_not_spoken_to_a_server_without_a_certificate_we_trust(receiver, event, clock):
    channel = WebhookChannel(receiver.url.replace("http://", "https://"), [KEY], timeout_s=2.0, clock=clock)
    assert failure(channel, event).retry
    assert receiver.received == []


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("ftp://t0ken.example.org/", "got the scheme 'ftp'"),
        ("example.org/t0ken", "got the scheme '' and the host None"),
        ("https:///t0ken", "and the host None"),
        ("https://example.org:t0ken/", "got what is no URL"),
        ("https://me:t0ken@example.org/", "got one with a user name or password"),
        ("https://example.org/a b?t0ken", "got one with blanks"),
        ("https://example.org/\r\nX: t0ken", "got"),
    ],
)
def test_a_wrong_url_is_refused_and_its_path_not_shown(clock, url, message):
    with pytest.raises(AlertConfigError, match=message) as caught:
        WebhookChannel(url, [KEY], timeout_s=1.0, clock=clock)
    assert "/t0ken" not in str(caught.value)
    assert ":t0ken" not in str(caught.value)
