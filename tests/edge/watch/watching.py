"""What tests of `edge watch` ask of recordings and of the receiver of its alerts."""

from __future__ import annotations

import hashlib
import shutil

from edge.alerts.event import new_event_id
from tests.edge.conftest import EXAMPLES

VOICE = EXAMPLES / "bonafide-telephone.wav"


def drop(folder, *names):
    """Put shipped examples into a folder, as a PBX does."""
    for name in names:
        shutil.copy(EXAMPLES / name, folder)


def identity(path):
    """The id of the event that a recording deserves."""
    return new_event_id(hashlib.sha256(path.read_bytes()).hexdigest())


def events(receiver, kind):
    """What arrived of a kind: the data of each event, by id."""
    return {body["data"]["id"]: body["data"] for _, body in receiver.received if body["data"]["kind"] == kind}
