"""Before the call: caution about a number, never about a voice."""

from __future__ import annotations

import itertools

import pytest

from android_bridge.errors import FactsError
from android_bridge.screening import LEVELS, NO_VOICE, PRESENTATIONS, VERIFICATIONS, screen
from edge.decision import VERDICTS


@pytest.mark.parametrize(
    ("facts", "level", "reasons"),
    [
        ({}, "none", []),
        ({"presentation": "allowed", "contact": True, "verification": "passed"}, "none", []),
        ({"contact": False}, "notice", ["unknown_contact"]),
        ({"contact": None}, "none", []),
        ({"verification": "not_verified"}, "notice", ["not_verified"]),
        ({"presentation": "restricted"}, "caution", ["number_hidden"]),
        ({"presentation": "restricted", "contact": False}, "caution", ["number_hidden"]),
        ({"presentation": "unknown"}, "caution", ["number_unknown"]),
        ({"presentation": "payphone"}, "caution", ["number_unknown"]),
        ({"contact": True, "verification": "failed"}, "warning", ["verification_failed"]),
        ({"contact": False, "verification": "failed"}, "warning", ["verification_failed", "unknown_contact"]),
    ],
)
def test_the_caution_fits_the_facts(facts, level, reasons):
    found = screen(facts)
    assert (found["level"], found["reasons"]) == (level, reasons)


def test_no_fact_of_a_number_is_ever_a_verdict_on_a_voice():
    for presentation, contact, verification in itertools.product(
        PRESENTATIONS, (True, False, None), (*VERIFICATIONS, None)
    ):
        found = screen({"presentation": presentation, "contact": contact, "verification": verification})
        assert found["verdict"] is None
        assert found["level"] in LEVELS
        assert found["text"].endswith(NO_VOICE)
        words = found["text"].removesuffix(NO_VOICE).lower().split()
        assert not {"voice", "fake", "real", "synthetic", *VERDICTS} & set(words)


@pytest.mark.parametrize(
    ("facts", "message"),
    [
        (
            {"number": "+4930123456"},
            "screening has no fact number; expected presentation, contact, verification: leave",
        ),
        ({"presentation": "hidden"}, "presentation 'hidden': expected one of 'allowed', 'restricted',"),
        ({"contact": 1}, "contact 1: expected one of True, False, None"),
        ({"contact": "yes"}, "contact 'yes': expected one of True, False, None"),
        ({"verification": 2}, "verification 2: expected one of 'passed', 'failed', 'not_verified', None"),
        ({"presentation": None}, "presentation None"),
    ],
)
def test_what_is_no_such_fact_is_refused(facts, message):
    with pytest.raises(FactsError, match=message):
        screen(facts)
