"""Whether the receivers of alerts answer, without sending them one; each returns what was seen."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Mapping
from typing import Any

from edge.alerts.channels.webhook import split_url
from edge.alerts.errors import DeliveryError, import_part
from edge.alerts.settings import MqttSettings, WebhookSettings

_HTTP_PORT, _HTTPS_PORT = 80, 443
_MQTT_PORT, _MQTT_TLS_PORT = 1883, 8883


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


def reach_mqtt(settings: MqttSettings, environment: Mapping[str, str]) -> str:
    """Connect and log in to the broker, wait for its CONNACK, and leave; nothing is published and no will is left.

    Raises
    ------
    DeliveryError
        It does not answer, or refuses.
    AlertConfigError
        The password is not where the settings say, or paho-mqtt is not installed.
    """
    mqtt = import_part("paho.mqtt.client", "mqtt")
    host, port = settings.host, settings.port or (_MQTT_TLS_PORT if settings.tls else _MQTT_PORT)
    client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, client_id="")
    client.connect_timeout = settings.timeout_s
    answered = threading.Event()
    answers: list[Any] = []

    def connected(_client: object, _data: object, _flags: object, reason: Any, _properties: object) -> None:
        answers.append(reason)
        answered.set()

    client.on_connect = connected
    if settings.username is not None:
        place = settings.password()
        client.username_pw_set(settings.username, place.read(environment).reveal() if place.given else None)
    try:
        if settings.tls:
            client.tls_set(ca_certs=settings.ca_file)
        client.connect(host, port)
    except OSError as error:
        raise DeliveryError(
            f"the broker {host}:{port} cannot be reached ({error.strerror or error}); "
            "check host, port and tls, and that the broker runs"
        ) from error
    client.loop_start()
    try:
        answered.wait(settings.timeout_s)
    finally:
        client.disconnect()
        client.loop_stop()
    if not answers:
        raise DeliveryError(
            f"{host}:{port} takes the connection and does not answer as an MQTT broker; check the port and tls"
        )
    if answers[0].is_failure:
        raise DeliveryError(f"the broker {host}:{port} answers: {answers[0]}; check user name and password")
    return f"the broker {host}:{port} accepts us"


def reach_desktop(timeout_s: float) -> str:
    """Ask the session's notification service for its name.

    Raises
    ------
    DeliveryError
        There is no session's D-Bus, or nothing on it shows notifications.
    MissingPartError
        jeepney is not installed.
    """
    jeepney = import_part("jeepney", "desktop")
    blocking = import_part("jeepney.io.blocking", "desktop")
    try:
        connection = blocking.open_dbus_connection("SESSION")
    except (OSError, KeyError, ValueError, RuntimeError, jeepney.AuthenticationError) as error:
        raise DeliveryError(
            f"the session's D-Bus cannot be reached ({error}); log in to the desktop, and run this there"
        ) from error
    name = "org.freedesktop.Notifications"
    address = jeepney.DBusAddress("/org/freedesktop/Notifications", bus_name=name, interface=name)
    try:
        message = jeepney.new_method_call(address, "GetServerInformation")
        reply = connection.send_and_get_reply(message, timeout=timeout_s)
    except (OSError, EOFError, TimeoutError) as error:
        raise DeliveryError(
            f"no answer over D-Bus ({error or type(error).__name__}); log out of the desktop and in again"
        ) from error
    finally:
        connection.close()
    if reply.header.message_type is jeepney.MessageType.error:
        raise DeliveryError(
            f"nothing on the session's D-Bus shows notifications ({' '.join(map(str, reply.body))}); "
            "start the desktop's notification service, such as dunst or mako"
        )
    return f"{reply.body[0]} shows the notifications"
