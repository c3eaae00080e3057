"""A signed POST to the user's own receiver, in the Standard Webhooks form.

Source: Standard Webhooks, specification 1.0.0, "Sending webhooks": what each status means, and Retry-After (RFC 9110,
10.2.3). Redirects are not followed, as the specification asks.
"""

from __future__ import annotations

import http.client
import ssl
from collections.abc import Callable, Sequence
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

from edge import __version__
from edge.alerts.errors import AlertConfigError, DeliveryError
from edge.alerts.event import AlertEvent
from edge.alerts.signing import signed_headers

# Refused for good, but for those that speak of the moment: time-out, too early, too many.
_PASSING = (408, 425, 429)
_GONE = 410


class WebhookChannel:
    """Posts each event's JSON to ``url``.

    Parameters
    ----------
    url : http:// or https://, of the receiver. Its path and query may hold a token: only the host is ever shown.
    keys : from `edge.alerts.signing.signing_key`, the current one first.
    timeout_s : for the connection and for each wait on it, seconds.
    clock : seconds since 1970.

    Raises
    ------
    AlertConfigError
        The URL is none.
    """

    name = "webhook"

    def __init__(self, url: str, keys: Sequence[bytes], *, timeout_s: float, clock: Callable[[], float]) -> None:
        self._secure, self._host, self._port, self._target = split_url(url)
        self._keys, self._timeout_s, self._clock = tuple(keys), timeout_s, clock
        # Connecting, the handshake, sending and receiving may each take the whole time-out.
        self.longest_s = 4 * timeout_s

    def send(self, event: AlertEvent) -> None:
        """Post the event; a 2xx is the receiver's receipt."""
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
        except (OSError, http.client.HTTPException) as error:
            raise DeliveryError(f"{self._host} cannot be reached ({self._reason(error)})") from error
        finally:
            connection.close()
        refusal = judged(self._host, status, retry_after_s(retry_after, now))
        if refusal is not None:
            raise refusal

    def _reason(self, error: Exception) -> str:
        # Python's own words for a wait that was too long are none.
        waited = f"no answer within {self._timeout_s:g} s" if isinstance(error, TimeoutError) else None
        return getattr(error, "strerror", None) or waited or type(error).__name__

    def close(self) -> None:
        """Nothing to free."""

    def _connection(self) -> http.client.HTTPConnection:
        if not self._secure:
            return http.client.HTTPConnection(self._host, self._port, timeout=self._timeout_s)
        context = ssl.create_default_context()
        return http.client.HTTPSConnection(self._host, self._port, timeout=self._timeout_s, context=context)


def split_url(url: str) -> tuple[bool, str, int | None, str]:
    """Whether it is https, the host, the port if any, and the path with its query.

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


def judged(host: str, status: int, wait_s: float | None) -> DeliveryError | None:
    """What a status means: None for delivered."""
    if 200 <= status < 300:
        return None
    if status == _GONE:
        return DeliveryError(f"{host} answered 410: it wants no more events", closes_channel=True)
    refused = 400 <= status < 500 and status not in _PASSING
    return DeliveryError(f"{host} answered {status}", retry=not refused, retry_after_s=wait_s)


def retry_after_s(value: str | None, now: float) -> float | None:
    """Seconds of a Retry-After header, given as seconds or as a date; None when there is none that can be read."""
    if value is None:
        return None
    # isdecimal() alone takes digits of every script.
    if value.isascii() and value.strip().isdecimal():
        return float(value)
    try:
        return max(0.0, parsedate_to_datetime(value).timestamp() - now)
    except (ValueError, TypeError, OverflowError):
        return None
