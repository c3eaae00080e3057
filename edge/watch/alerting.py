"""From results to events; an event that is made again, after a kill, has the same id."""

from __future__ import annotations

from collections.abc import Sequence

from edge.alerts.event import AlertEvent, new_event_id
from edge.scoring import Score
from edge.watch.names import readable

_SIDES = ("mono", "mix")
_DAY_S = 86400.0


def source_name(folder: str) -> str:
    """A watched folder as the source of events."""
    return f"watch:{readable(folder)}"


def recording_event(folder: str, digest: bytes, scores: Sequence[Score], now_s: float) -> AlertEvent | None:
    """The event that a recording deserves: ``spoof``, ``silenced``, or none.

    One a recording, however many of its channels are spoof: the one with the lowest score speaks for all.

    Parameters
    ----------
    folder : the watched folder, as the user named it.
    digest : of the recording's content, which makes the event's identity.
    scores : by channel.
    now_s : seconds since 1970.
    """
    kind = next((kind for kind in ("spoof", "silenced") if any(score.verdict == kind for score in scores)), None)
    if kind is None:
        return None
    found = [score for score in scores if score.verdict == kind]
    worst = min(found, key=lambda score: 0.0 if score.cm_score is None else score.cm_score)
    sides = [score.channel for score in found if score.channel not in _SIDES]
    return AlertEvent(
        id=new_event_id(digest.hex()),
        kind=kind,
        time_s=now_s,
        source=source_name(folder),
        verdict=worst.verdict,
        p_bonafide=worst.p_bonafide,
        cm_score=worst.cm_score,
        speech_s=worst.speech_s or None,
        model=worst.model,
        recording=readable(str(worst.path)),
        note="channel " + " and ".join(sides) if sides else "",
    )


def outage_event(folder: str, path: str, lost_since: float, now_s: float, reason: str = "") -> AlertEvent:
    """A watched folder is away (with a ``reason``), or is back (without one), from the outage that began then."""
    kind = "source_lost" if reason else "source_back"
    return AlertEvent(
        id=new_event_id(f"{kind} {readable(path)} {lost_since!r}"),
        kind=kind,
        time_s=now_s,
        source=source_name(folder),
        note=reason,
    )


def cooldown_s(event: AlertEvent) -> float:
    """Seconds in which a second event of the same kind and folder stays quiet.

    A recording is alerted once, and two of them within a minute are two calls: neither may be kept quiet. Recordings
    without any sound come from one cause, so once a day tells enough.
    """
    return _DAY_S if event.kind == "silenced" else 0.0
