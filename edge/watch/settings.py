"""The table ``[watch]`` of the configuration as a frozen value, checked once, here."""

from __future__ import annotations

from dataclasses import dataclass

from edge.watch.errors import WatchConfigError

_DAY_S = 86400.0
EXISTING = ("skip", "score")


@dataclass(frozen=True)
class WatchSettings:
    """What `edge watch` is told.

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
    WatchConfigError
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
        self._within("settle_s", 0.0, 3600.0)
        self._within("poll_s", 0.05, 3600.0)
        self._within("attempts", 1, 100)
        self._within("lost_after_s", 0.0, _DAY_S)
        self._within("keep_days", 1.0, 36500.0)
        if not (self.channel in ("mix", "each", "left", "right") or _counts_from_1(self.channel)):
            raise WatchConfigError(f"channel: expected left, right, mix, each or a number from 1; got {self.channel!r}")
        if self.existing not in EXISTING:
            raise WatchConfigError(f"existing: expected {' or '.join(EXISTING)}, got {self.existing!r}")
        if not self.ledger:
            raise WatchConfigError("ledger: empty; give the path of the SQLite file")
        if not all(self.folders):
            raise WatchConfigError("folders: one of them is empty; give the path of each")

    def _within(self, name: str, lowest: float, highest: float) -> None:
        value = getattr(self, name)
        # Written so that NaN is refused too.
        if not lowest <= value <= highest:
            raise WatchConfigError(f"{name}: expected {lowest:g} to {highest:g}, got {value:g}")


def _counts_from_1(text: str) -> bool:
    return text.isdecimal() and int(text) > 0
