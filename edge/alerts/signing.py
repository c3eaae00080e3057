"""Signatures of the Standard Webhooks specification, pure.

Source: Standard Webhooks, specification 1.0.0, "Signature scheme" and "Webhook Headers (Sending metadata to
consumers)".
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Sequence

from edge.alerts.errors import AlertConfigError
from edge.alerts.secret import Secret

PREFIX = "whsec_"
KEY_BYTES = (24, 64)
"""Shortest and longest key that the specification allows."""


def signing_key(secret: Secret) -> bytes:
    """The key inside ``whsec_<base64>``; the prefix may be missing.

    Raises
    ------
    AlertConfigError
        It is no base64, or the key is not 24 to 64 bytes long.
    """
    text = secret.reveal().removeprefix(PREFIX)
    try:
        key = base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError):
        # The cause is cut off: it could show a part of the secret.
        raise AlertConfigError(
            "the webhook's secret is not base64; expected whsec_ and base64 as the receiver shows it, "
            "or make one: echo whsec_$(head -c 32 /dev/urandom | base64)"
        ) from None
    shortest, longest = KEY_BYTES
    if not shortest <= len(key) <= longest:
        raise AlertConfigError(
            f"the webhook's secret holds a key of {len(key)} bytes; expected {shortest} to {longest}; "
            "make one: echo whsec_$(head -c 32 /dev/urandom | base64)"
        )
    return key


def signed_headers(keys: Sequence[bytes], event_id: str, timestamp: int, body: bytes) -> dict[str, str]:
    """The three headers that identify and sign a message.

    Parameters
    ----------
    keys : from `signing_key`; several while a key is being replaced, and the receiver accepts any one.
    event_id : the same on every attempt.
    timestamp : of this attempt, whole seconds since 1970; receivers refuse one that is minutes off.
    body : exactly as sent.
    """
    content = b".".join((event_id.encode(), str(timestamp).encode(), body))
    signatures = (base64.b64encode(hmac.new(key, content, hashlib.sha256).digest()).decode() for key in keys)
    return {
        "webhook-id": event_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(f"v1,{signature}" for signature in signatures),
    }
