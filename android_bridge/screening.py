"""Caution before a call, from what the network says of the number; no verdict on a voice.

The facts are those of `CallScreeningService`: how the number is presented, whether it is a contact, and what
STIR/SHAKEN verification said (`Call.Details.getHandlePresentation`, `getContactDisplayName`,
`getCallerNumberVerificationStatus`).
Neither number nor name is asked for, so neither can be stored.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from android_bridge.errors import FactsError

LEVELS = ("none", "notice", "caution", "warning")
"""From the least to the most."""
PRESENTATIONS = ("allowed", "restricted", "unknown", "payphone", "unavailable")
VERIFICATIONS = ("passed", "failed", "not_verified")
NO_VOICE = "This is about the number, not about the voice: no audio came yet."


@dataclass(frozen=True)
class _Reason:
    code: str
    level: str
    text: str


_FAILED = _Reason(
    "verification_failed", "warning", "The network could not verify this number: it may be somebody else's."
)
_HIDDEN = _Reason("number_hidden", "caution", "The number is hidden.")
_UNKNOWN_NUMBER = _Reason("number_unknown", "caution", "The network passed on no number.")
_NOT_VERIFIED = _Reason("not_verified", "notice", "The network did not verify this number.")
_STRANGER = _Reason("unknown_contact", "notice", "The number is not among your contacts.")


def screen(facts: Mapping[str, Any]) -> dict[str, Any]:
    """Grade the caution for an incoming call.

    Parameters
    ----------
    facts : ``presentation`` (one of `PRESENTATIONS`), ``contact`` (true, false, or null where contacts may not be
        read) and ``verification`` (one of `VERIFICATIONS`, or null where the phone cannot say). Each may be left out.

    Returns
    -------
    ``level`` (one of `LEVELS`), ``reasons`` (codes), ``text`` (for the screen), ``verdict`` (always None).

    Raises
    ------
    FactsError
        A fact that is not known, or a value that it cannot have.
    """
    _check(facts)
    reasons = list(_reasons(facts))
    level = max((reason.level for reason in reasons), key=LEVELS.index, default="none")
    text = " ".join(reason.text for reason in reasons) or "Nothing speaks against this number."
    return {
        "level": level,
        "reasons": [reason.code for reason in reasons],
        "text": f"{text} {NO_VOICE}",
        "verdict": None,
    }


def _reasons(facts: Mapping[str, Any]) -> list[_Reason]:
    presentation, verification = facts.get("presentation", "allowed"), facts.get("verification")
    found = []
    if verification == "failed":
        found.append(_FAILED)
    if presentation == "restricted":
        found.append(_HIDDEN)
    elif presentation != "allowed":
        found.append(_UNKNOWN_NUMBER)
    if verification == "not_verified":
        found.append(_NOT_VERIFIED)
    # A hidden number cannot be a contact's; saying so as well would say it twice.
    if presentation == "allowed" and facts.get("contact") is False:
        found.append(_STRANGER)
    return found


def _check(facts: Mapping[str, Any]) -> None:
    allowed: dict[str, tuple[Any, ...]] = {
        "presentation": PRESENTATIONS,
        "contact": (True, False, None),
        "verification": (*VERIFICATIONS, None),
    }
    unknown = sorted(set(facts) - set(allowed))
    if unknown:
        raise FactsError(
            f"screening has no fact {', '.join(unknown)}; expected {', '.join(allowed)}: leave numbers and names out"
        )
    for name, value in facts.items():
        if not any(value is one or (isinstance(value, str) and value == one) for one in allowed[name]):
            raise FactsError(f"{name} {value!r}: expected one of {', '.join(map(repr, allowed[name]))}")
