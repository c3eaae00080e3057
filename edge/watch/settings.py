"""The table ``[watch]`` of the configuration as a frozen value, checked once, here."""

from __future__ import annotations

from dataclasses import dataclass

from edge.errors import ConfigError
from edge.settings import check_range, is_channel

_DAY_S = 86400.0
EXISTING = ("skip", "score")


@dataclass(frozen=True)
class WatchSettings:
    """The table ``[watch]``: what `edge watch` watches, and how patiently.

    Attributes
    ----------
    folders : watched with everything below them.
    settle_s : seconds for which a recording must not have changed.
    poll_s : seconds between two looks.
    model : a `.tflite` or the name of a shipped model; None takes the newest shipped.
    channel : ``mix``, ``each``, ``left``, ``right`` or a number from 1.
    existing : whether recordings that are there when a folder is watched for the first time are passed over or scored.
    ledger : path of the SQLite file that remembers what was done.
    attempts : how often a recording that cannot be decoded is tried.
    lost_after_s : seconds for which a folder must be away before that is an alert.
    keep_days : days for which recordings that are gone from the folders are remembered.

    Raises
    ------
    ConfigError
        A value is out of its range.
    """

    folders: tuple[str, ...] = ()
    settle_s: float = 2.0
    poll_s: float = 2.0
    model: str | None = None
    channel: str = "mix"
    existing: str = "skip"
    ledger: str = "~/.local/state/bonafone/watch.sqlite"
    attempts: int = 5
    lost_after_s: float = 30.0
    keep_days: float = 365.0

    def __post_init__(self) -> None:
        check_range(self, "settle_s", 0.0, 3600.0)
        check_range(self, "poll_s", 0.05, 3600.0)
        check_range(self, "attempts", 1, 100)
        check_range(self, "lost_after_s", 0.0, _DAY_S)
        check_range(self, "keep_days", 1.0, 36500.0)
        if not is_channel(self.channel):
            raise ConfigError(f"channel: expected left, right, mix, each or a number from 1; got {self.channel!r}")
        if self.existing not in EXISTING:
            raise ConfigError(f"existing: expected {' or '.join(EXISTING)}, got {self.existing!r}")
        if not self.ledger:
            raise ConfigError("ledger: empty; give the path of the SQLite file")
        if not all(self.folders):
            raise ConfigError("folders: one of them is empty; give the path of each")
