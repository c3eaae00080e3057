"""Whether the receivers of alerts answer, without sending them one; each returns what was seen."""

from __future__ import annotations

import socket
import ssl
import threading
from typing import Any

from edge.alerts.channels.desktop import ask_desktop
from edge.alerts.channels.mqtt import Broker, make_client
from edge.alerts.channels.webhook import split_url
from edge.alerts.errors import DeliveryError
from edge.alerts.settings import WebhookSettings

_HTTP_PORT, _HTTPS_PORT = 80, 443


def reach_webhook(settings: WebhookSettings) -> str:
    """Connect to the receiver's port, and through TLS for https; not a byte of HTTP is sent.

    Raises
    ------
    DeliveryError
        Nothing answers there, or its certificate is not accepted.
    """
    secure, host, port, _ = split_url(settings.url)
    where = (host, port or (_HTTPS_PORT if secure else _HTTP_PORT))
    try:
        with socket.create_connection(where, settings.timeout_s) as connection:
            if not secure:
                return f"{where[0]}:{where[1]} answers"
            with ssl.create_default_context().wrap_socket(connection, server_hostname=host) as wrapped:
                return f"{where[0]}:{where[1]} answers by {wrapped.version()}"
    except ssl.SSLCertVerificationError as error:
        raise DeliveryError(
            f"{where[0]}:{where[1]} shows a certificate that is not accepted ({error.verify_message}); "
            "look at this machine's clock and at the receiver's certificate"
        ) from error
    except OSError as error:
        raise DeliveryError(
            f"{where[0]}:{where[1]} cannot be reached ({error.strerror or error}); "
            "check the address, the network and that the receiver runs"
        ) from error


def reach_mqtt(broker: Broker, timeout_s: float) -> str:
    """Connect and log in to the broker, wait for its CONNACK, and leave; nothing is published and no will is left.

    Raises
    ------
    DeliveryError
        It does not answer within ``timeout_s`` seconds, or refuses.
    AlertConfigError
        The certificate authorities cannot be read, or paho-mqtt is not installed.
    """
    where = f"{broker.host}:{broker.port}"
    client = make_client(broker, timeout_s)
    answered = threading.Event()
    answers: list[Any] = []

    def connected(_client: object, _data: object, _flags: object, reason: Any, _properties: object) -> None:
        answers.append(reason)
        answered.set()

    client.on_connect = connected
    try:
        client.connect(broker.host, broker.port)
    except OSError as error:
        raise DeliveryError(
            f"the broker {where} cannot be reached ({error.strerror or error}); "
            "check host, port and tls, and that the broker runs"
        ) from error
    client.loop_start()
    try:
        answered.wait(timeout_s)
    finally:
        client.disconnect()
        client.loop_stop()
    if not answers:
        raise DeliveryError(
            f"{where} takes the connection and does not answer as an MQTT broker; check the port and tls"
        )
    if answers[0].is_failure:
        raise DeliveryError(f"the broker {where} answers: {answers[0]}; check user name and password")
    return f"the broker {where} accepts us"


def reach_desktop(timeout_s: float) -> str:
    """Ask the session's notification service for its name.

    Raises
    ------
    DeliveryError
        There is no session's D-Bus, or nothing on it shows notifications.
    MissingPartError
        jeepney is not installed.
    """
    reply = ask_desktop("GetServerInformation", timeout_s)
    if reply.header.message_type.name == "error":
        raise DeliveryError(
            f"nothing on the session's D-Bus shows notifications ({' '.join(map(str, reply.body))}); "
            "start the desktop's notification service, such as dunst or mako"
        )
    return f"{reply.body[0]} shows the notifications"
