"""A signed POST to the user's own receiver, in the Standard Webhooks form.

Source: Standard Webhooks, specification 1.0.0, "Signature scheme", "Webhook Headers" and "Sending webhooks": what each
status means, and Retry-After (RFC 9110, 10.2.3). Redirects are not followed, as the specification asks.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from edge import __version__
from edge.alerts.channels.channel import (
    DAY_S,
    Channel,
    ChannelContext,
    ChannelSettings,
    Need,
    Secret,
    SecretSource,
    need_secret,
)
from edge.alerts.event import AlertConfigError, AlertEvent, DeliveryError

if TYPE_CHECKING:
    from http.client import HTTPConnection

# HTTP and TLS are imported when the channel is used: commands with other channels start without them.

KEY_BYTES = (24, 64)
"""Shortest and longest key that the specification allows."""
_MAKE_ONE = "make one: echo whsec_$(head -c 32 /dev/urandom | base64)"
# Refused for good, but for those that speak of the moment: time-out, too early, too many.
_PASSING = (408, 425, 429)
_GONE = 410


@dataclass(frozen=True)
class WebhookSettings(ChannelSettings):
    """The table ``[alerts.webhook]``; ``previous_secret_…`` is the old secret while receivers still check it.

    The path and query of the URL may hold a token: only the host is ever shown. ``timeout_s`` is for the connection
    and for each wait on it.
    """

    expires_s: float = DAY_S
    url: str = field(default="", repr=False)
    secret_env: str | None = None
    secret_file: str | None = None
    previous_secret_env: str | None = None
    previous_secret_file: str | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        self.require("url", 'give the receiver\'s address: url = "https://…"')

    def secrets(self) -> tuple[SecretSource, ...]:
        """Return where the secrets are, the current one first."""
        previous = SecretSource("previous_secret", self.previous_secret_env, self.previous_secret_file)
        current = SecretSource("secret", self.secret_env, self.secret_file)
        return (current, previous) if previous.given else (current,)


class WebhookChannel(Channel):
    """Post each event's JSON to the receiver."""

    name = "webhook"
    Settings = WebhookSettings
    advice = "check url, that the receiver runs, and that both sides have the same secret"

    def __init__(self, settings: WebhookSettings, context: ChannelContext) -> None:
        super().__init__(settings, context)
        self._keys = [signing_key(source.read(context.environment)) for source in settings.secrets()]
        self._secure, self._host, self._port, self._target = split_url(settings.url)
        self._timeout_s, self._clock = settings.timeout_s, context.clock
        # Connecting, the handshake, sending and receiving may each take the whole time-out.
        self.longest_s = 4 * settings.timeout_s

    @classmethod
    def needs(cls, settings: WebhookSettings, environment: Mapping[str, str]) -> list[Need]:
        """List the secrets."""
        return [need_secret(source, environment) for source in settings.secrets()]

    def send(self, event: AlertEvent) -> None:
        """Post the event; a 2xx is the receiver's receipt."""
        from http.client import HTTPException

        body, now = event.to_json().encode(), self._clock()
        headers = {
            "Content-Type": "application/json",
            "User-Agent": f"bonafone/{__version__}",
            **signed_headers(self._keys, event.id, int(now), body),
        }
        connection = self._connection()
        try:
            connection.request("POST", self._target, body, headers)
            # Closed by itself: it holds the socket on when the receiver ends the connection.
            with connection.getresponse() as response:
                status, retry_after = response.status, response.headers.get("Retry-After")
        except (OSError, HTTPException) as error:
            raise DeliveryError(f"{self._host} cannot be reached ({self._reason(error)})") from error
        finally:
            connection.close()
        refusal = refusal_of(self._host, status, retry_after_s(retry_after, now))
        if refusal is not None:
            raise refusal

    def reach(self) -> str:
        """Connect to the receiver's port, and through TLS for https; not a byte of HTTP is sent."""
        import ssl

        port = self._port or (443 if self._secure else 80)
        where = f"{self._host}:{port}"
        try:
            with socket.create_connection((self._host, port), self._timeout_s) as connection:
                if not self._secure:
                    return f"{where} answers"
                context = ssl.create_default_context()
                with context.wrap_socket(connection, server_hostname=self._host) as wrapped:
                    return f"{where} answers by {wrapped.version()}"
        except ssl.SSLCertVerificationError as error:
            raise DeliveryError(
                f"{where} shows a certificate that is not accepted ({error.verify_message}); "
                "look at this machine's clock and at the receiver's certificate"
            ) from error
        except OSError as error:
            raise DeliveryError(
                f"{where} cannot be reached ({self._reason(error)}); "
                "check the address, the network and that the receiver runs"
            ) from error

    def _reason(self, error: Exception) -> str:
        # Python's own words for a wait that was too long are none.
        waited = f"no answer within {self._timeout_s:g} s" if isinstance(error, TimeoutError) else None
        return getattr(error, "strerror", None) or waited or type(error).__name__

    def _connection(self) -> HTTPConnection:
        from http.client import HTTPConnection, HTTPSConnection

        # HTTPS checks certificate and host name by Python's default context.
        return (HTTPSConnection if self._secure else HTTPConnection)(self._host, self._port, timeout=self._timeout_s)


def signing_key(secret: Secret) -> bytes:
    """Decode the key of ``whsec_<base64>``; the prefix may be missing.

    Raises
    ------
    AlertConfigError
        It is no base64, or the key is not 24 to 64 bytes long.
    """
    text = secret.reveal().removeprefix("whsec_")
    try:
        key = base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError):
        # The cause is cut off: it could show a part of the secret.
        raise AlertConfigError(
            "the webhook's secret is not base64; expected whsec_ and base64 as the receiver shows it, or " + _MAKE_ONE
        ) from None
    shortest, longest = KEY_BYTES
    if not shortest <= len(key) <= longest:
        raise AlertConfigError(
            f"the webhook's secret holds a key of {len(key)} bytes; expected {shortest} to {longest}; {_MAKE_ONE}"
        )
    return key


def signed_headers(keys: Sequence[bytes], event_id: str, timestamp: int, body: bytes) -> dict[str, str]:
    """Make the three headers that identify and sign a message.

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


def split_url(url: str) -> tuple[bool, str, int | None, str]:
    """Split a URL: whether it is https, the host, the port if any, and the path with its query.

    Raises
    ------
    AlertConfigError
        It is no URL of a web server, or carries a password.
    """
    expected = "webhook.url: expected https://HOST/PATH"
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise AlertConfigError(f"{expected}, got what is no URL; check the port and the brackets of the host") from None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise AlertConfigError(f"{expected}, got the scheme {parts.scheme!r} and the host {parts.hostname!r}")
    if parts.username is not None or parts.password is not None:
        raise AlertConfigError(f"{expected}, got one with a user name or password; the signature is what proves us")
    if any(not 0x20 < ord(character) < 0x7F for character in url):
        raise AlertConfigError(f"{expected}, got one with blanks or letters outside ASCII; percent-encode them")
    try:
        parts.hostname.encode("idna")
    except UnicodeError:
        raise AlertConfigError(f"{expected}, got a host that can be no name: {parts.hostname!r}") from None
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return parts.scheme == "https", parts.hostname, port, target


def refusal_of(host: str, status: int, wait_s: float | None) -> DeliveryError | None:
    """Return what an HTTP status means for the delivery; None for delivered."""
    if 200 <= status < 300:
        return None
    if status == _GONE:
        return DeliveryError(f"{host} answered 410 (gone): it accepts no more events", closes_channel=True)
    refused = 400 <= status < 500 and status not in _PASSING
    return DeliveryError(f"{host} answered {status}", retry=not refused, retry_after_s=wait_s)


def retry_after_s(value: str | None, now: float) -> float | None:
    """Read the seconds of a Retry-After header, given as seconds or a date; None when there is none."""
    from email.utils import parsedate_to_datetime

    if value is None:
        return None
    # isdecimal() alone accepts digits of every script.
    if value.isascii() and value.strip().isdecimal():
        return float(value)
    try:
        return max(0.0, parsedate_to_datetime(value).timestamp() - now)
    except (ValueError, TypeError, OverflowError):
        return None
