"""Signatures, against the specification's own package."""

from __future__ import annotations

import base64
import traceback
from datetime import UTC, datetime

import pytest
from alert_receiver import SECRET, START
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from edge.alerts.errors import AlertConfigError
from edge.alerts.secret import Secret
from edge.alerts.signing import signed_headers, signing_key

NEW = "whsec_" + base64.b64encode(b"n" * 24).decode()
BODY = '{"x":"ü"}'.encode()


def headers(*secrets, event_id="evt_1", stamp=None, body=BODY):
    stamp = int(datetime.now(UTC).timestamp()) if stamp is None else stamp
    return signed_headers([signing_key(Secret(secret)) for secret in secrets], event_id, stamp, body)


def test_the_independent_package_verifies_what_we_sign():
    assert Webhook(SECRET).verify(BODY, headers(SECRET)) == {"x": "ü"}


def test_the_independent_package_signs_the_same():
    expected = Webhook(SECRET).sign("evt_1", datetime.fromtimestamp(START, UTC), BODY.decode())
    assert headers(SECRET, stamp=int(START))["webhook-signature"] == expected


def test_while_a_key_is_replaced_receivers_with_either_verify():
    both = headers(NEW, SECRET)
    assert Webhook(SECRET).verify(BODY, both) == Webhook(NEW).verify(BODY, both)
    with pytest.raises(WebhookVerificationError):
        Webhook(SECRET).verify(BODY, headers(NEW))


@pytest.mark.parametrize(
    "change", [{"webhook-id": "evt_2"}, {"webhook-timestamp": "1"}, {"webhook-signature": "v1,AAAA"}]
)
def test_a_changed_header_does_not_verify(change):
    with pytest.raises(WebhookVerificationError):
        Webhook(SECRET).verify(BODY, {**headers(SECRET), **change})


def test_the_prefix_and_the_padding_may_be_missing():
    assert signing_key(Secret(SECRET.removeprefix("whsec_").rstrip("="))) == bytes(range(32))


@pytest.mark.parametrize(
    ("secret", "message"),
    [
        ("whsec_hunter2!", "the webhook's secret is not base64; expected whsec_ and base64"),
        ("whsec_" + base64.b64encode(b"hunter2").decode(), "holds a key of 7 bytes; expected 24 to 64"),
        ("whsec_" + base64.b64encode(b"x" * 65).decode(), "holds a key of 65 bytes; expected 24 to 64"),
        ("ünicode", "is not base64"),
    ],
)
def test_a_secret_of_another_form_is_refused_and_not_shown(secret, message):
    with pytest.raises(AlertConfigError, match=message) as caught:
        signing_key(Secret(secret))
    assert secret.removeprefix("whsec_") not in "".join(traceback.format_exception(caught.value))
