"""The webhook against a real HTTP receiver, and its signatures, by the specification's own package."""

from __future__ import annotations

import base64
import json
import socket
import threading
import time
import traceback
from datetime import UTC, datetime
from email.utils import format_datetime

import pytest
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from edge.alerts.channels.channel import Secret
from edge.alerts.channels.webhook import WebhookChannel, retry_after_s, signed_headers, signing_key
from edge.alerts.event import AlertConfigError, DeliveryError
from tests.edge.alert_receiver import SECRET, START

NEW = "whsec_" + base64.b64encode(b"n" * 24).decode()
BODY = '{"x":"ü"}'.encode()


@pytest.fixture
def make(build):
    def make(url, *, secret=SECRET, timeout_s=2.0, **more):
        return build(WebhookChannel, {"S": secret, "OLD": SECRET}, url=url, secret_env="S", timeout_s=timeout_s, **more)

    return make


@pytest.fixture
def channel(receiver, make):
    return make(receiver.url)


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


def test_another_key_is_refused_by_the_receiver(receiver, make, event):
    error = failure(make(receiver.url, secret=NEW), event)
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


def test_what_a_status_means(channel, receiver, event):
    for status, retry, closes in [
        (400, False, False),
        (404, False, False),
        (301, True, False),
        (410, False, True),
        (408, True, False),
        (425, True, False),
        (429, True, False),
        (500, True, False),
        (503, True, False),
    ]:
        receiver.answer = lambda status=status: status
        error = failure(channel, event)
        assert (error.retry, error.closes_channel) == (retry, closes)
        assert str(error).startswith(f"127.0.0.1 answered {status}")


def test_every_2xx_is_a_receipt(channel, receiver, event):
    for status in (200, 202, 204, 299):
        receiver.answer = lambda status=status: status
        channel.send(event)
    assert len(receiver.received) == 4


def test_a_redirect_is_not_followed(channel, receiver, event):
    receiver.answer = lambda: (307, {"Location": receiver.url})
    failure(channel, event)
    assert len(receiver.requests) == 1


def test_the_receiver_can_ask_to_wait(channel, receiver, event):
    receiver.answer = lambda: (429, {"Retry-After": "120"})
    assert failure(channel, event).retry_after_s == 120.0


def test_retry_after_is_seconds_or_a_date():
    for value, seconds in [
        (None, None),
        ("30", 30.0),
        (" 30 ", 30.0),
        ("soon", None),
        ("-5", None),
        ("", None),
        ("٣", None),
        (format_datetime(datetime.fromtimestamp(START + 90, UTC), usegmt=True), 90.0),
        (format_datetime(datetime.fromtimestamp(START - 90, UTC), usegmt=True), 0.0),
    ]:
        assert retry_after_s(value, START) == seconds


def test_a_receiver_that_is_away_or_hangs_up_is_tried_again_and_the_token_is_not_shown(channel, receiver, event):
    receiver.answer = lambda: None
    assert failure(channel, event).retry
    receiver.stop()
    error = failure(channel, event)
    assert str(error) == "127.0.0.1 cannot be reached (Connection refused)"
    assert error.retry


def test_a_receiver_that_says_nothing_is_given_up_in_time(event, make):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        channel = make(f"http://127.0.0.1:{silent.getsockname()[1]}/", timeout_s=0.2)
        start = time.monotonic()
        error = failure(channel, event)
        assert (str(error), error.retry) == ("127.0.0.1 cannot be reached (no answer within 0.2 s)", True)
        assert time.monotonic() - start < channel.longest_s + 0.5


def test_an_answer_that_is_no_http_is_tried_again(event, make):
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer():
            connection, _ = server.accept()
            connection.recv(65536)
            connection.sendall(b"220 smtp ready\r\n")
            connection.close()

        thread = threading.Thread(target=answer)
        thread.start()
        channel = make(f"http://127.0.0.1:{server.getsockname()[1]}/")
        assert str(failure(channel, event)) == "127.0.0.1 cannot be reached (BadStatusLine)"
        thread.join()


def test_https_is_not_spoken_to_a_server_without_a_certificate_we_trust(receiver, event, make):
    channel = make(receiver.url.replace("http://", "https://"))
    assert failure(channel, event).retry
    assert receiver.received == []


def test_a_wrong_url_is_refused_and_its_path_not_shown(make):
    for url, message in [
        ("ftp://t0ken.example.org/", "got the scheme 'ftp'"),
        ("example.org/t0ken", "got the scheme '' and the host None"),
        ("https:///t0ken", "and the host None"),
        ("https://example.org:t0ken/", "got what is no URL"),
        ("https://me:t0ken@example.org/", "got one with a user name or password"),
        ("https://example.org/a b?t0ken", "got one with blanks"),
        ("https://example.org/\r\nX: t0ken", "got"),
    ]:
        with pytest.raises(AlertConfigError, match=message) as caught:
            make(url)
        assert "/t0ken" not in str(caught.value)
        assert ":t0ken" not in str(caught.value)


def headers(*secrets, event_id="evt_1", stamp=None, body=BODY):
    stamp = int(time.time()) if stamp is None else stamp
    return signed_headers([signing_key(Secret(secret)) for secret in secrets], event_id, stamp, body)


def test_the_independent_package_verifies_what_we_sign():
    assert Webhook(SECRET).verify(BODY, headers(SECRET)) == {"x": "ü"}


def test_the_independent_package_signs_the_same():
    expected = Webhook(SECRET).sign("evt_1", datetime.fromtimestamp(START, UTC), BODY.decode())
    assert headers(SECRET, stamp=int(START))["webhook-signature"] == expected


def test_while_a_secret_is_replaced_receivers_with_either_verify(receiver, make, event):
    make(receiver.url, secret=NEW, previous_secret_env="OLD").send(event)
    assert receiver.ids() == [event.id]
    both = headers(NEW, SECRET)
    assert Webhook(SECRET).verify(BODY, both) == Webhook(NEW).verify(BODY, both)
    with pytest.raises(WebhookVerificationError):
        Webhook(SECRET).verify(BODY, headers(NEW))


def test_a_changed_header_does_not_verify():
    for change in [{"webhook-id": "evt_2"}, {"webhook-timestamp": "1"}, {"webhook-signature": "v1,AAAA"}]:
        with pytest.raises(WebhookVerificationError):
            Webhook(SECRET).verify(BODY, {**headers(SECRET), **change})


def test_the_prefix_and_the_padding_may_be_missing():
    assert signing_key(Secret(SECRET.removeprefix("whsec_").rstrip("="))) == bytes(range(32))


def test_a_secret_of_another_form_is_refused_and_not_shown():
    for secret, message in [
        ("whsec_hunter2!", "the webhook's secret is not base64; expected whsec_ and base64"),
        ("whsec_" + base64.b64encode(b"hunter2").decode(), "holds a key of 7 bytes; expected 24 to 64"),
        ("whsec_" + base64.b64encode(b"x" * 65).decode(), "holds a key of 65 bytes; expected 24 to 64"),
        ("ünicode", "is not base64"),
    ]:
        with pytest.raises(AlertConfigError, match=message) as caught:
            signing_key(Secret(secret))
        assert secret.removeprefix("whsec_") not in "".join(traceback.format_exception(caught.value))
