"""What Home Assistant wants to read over MQTT, pure.

Source: Home Assistant documentation, "MQTT", sections "Device discovery payload" and "Birth and last will messages",
and "MQTT binary sensor", "MQTT sensor".
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

from edge import __version__
from edge.alerts.errors import AlertConfigError

ONLINE, OFFLINE = "online", "offline"
ALARM_ON = "ON"
_LEVEL = re.compile(r"[A-Za-z0-9_-]+")


@dataclass(frozen=True)
class Topics:
    """The topics of one device.

    Attributes
    ----------
    device_id : letters, digits, ``_`` and ``-``; unique on the broker.
    prefix : of Home Assistant's discovery; ``homeassistant`` unless changed there.
    """

    device_id: str
    prefix: str = "homeassistant"

    def __post_init__(self) -> None:
        for name, value in (("device_id", self.device_id), ("discovery_prefix", self.prefix)):
            if not _LEVEL.fullmatch(value):
                raise AlertConfigError(f"mqtt.{name}: expected letters, digits, _ and -, got {value!r}")

    @property
    def discovery(self) -> str:
        """Where the device describes itself; retained."""
        return f"{self.prefix}/device/{self.device_id}/config"

    @property
    def status(self) -> str:
        """Where Home Assistant says that it has started."""
        return f"{self.prefix}/status"

    @property
    def availability(self) -> str:
        """``online`` while we are connected; retained, and the broker writes ``offline`` when we are not."""
        return f"bonafone/{self.device_id}/availability"

    @property
    def alarm(self) -> str:
        """``ON`` with each alarm; never retained."""
        return f"bonafone/{self.device_id}/alarm"

    @property
    def event(self) -> str:
        """The JSON of each event; never retained."""
        return f"bonafone/{self.device_id}/event"


def discovery_payload(topics: Topics, device_name: str, off_delay_s: int) -> str:
    """The device's description: an alarm that goes off by itself, and the last event.

    ``off_delay_s``: seconds after which Home Assistant takes the alarm back. We send no OFF: one that is lost would
    leave the alarm on for ever.
    """
    device_id = topics.device_id
    payload = {
        "device": {
            "identifiers": [device_id],
            "name": device_name,
            "manufacturer": "bonafone",
            "model": "Detector of synthetic speech",
            "sw_version": __version__,
        },
        "origin": {"name": "bonafone", "sw_version": __version__},
        "components": {
            "alarm": {
                "platform": "binary_sensor",
                "name": "Synthetic voice",
                # In Home Assistant "safety" is off for safe and on for unsafe.
                "device_class": "safety",
                "unique_id": f"{device_id}_alarm",
                "state_topic": topics.alarm,
                "payload_on": ALARM_ON,
                "off_delay": off_delay_s,
            },
            "event": {
                "platform": "sensor",
                "name": "Last event",
                "unique_id": f"{device_id}_event",
                "state_topic": topics.event,
                "value_template": "{{ value_json.data.kind }}",
                "json_attributes_topic": topics.event,
                "json_attributes_template": "{{ value_json.data | tojson }}",
            },
        },
        "availability": [{"topic": topics.availability}],
        "qos": 1,
    }
    return json.dumps(payload, separators=(",", ":"))
