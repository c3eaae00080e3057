"""What counts as a difference between two machines: every kind of it is told, and none that is within the bound."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from pi_check.comparison import BOUND_NATS, SPEECH_BOUND_S, as_json, compare, text_table
from pi_check.measurement import Heard, Measurement
from pi_check.targets import TARGETS

from edge.contract import Thresholds

BOARD = TARGETS["arm64-litert"].board
THRESHOLDS = Thresholds(spoof_below=-2.0, bonafide_above=1.0, bpcer=0.02, apcer=0.05)
FACTS = {
    "machine": "aarch64",
    "python": "3.11.2",
    "numpy": "2.4.6",
    "runtime": "ai-edge-litert 2.3.0",
    "chunks": 24,
    "unequal_chunks": 0,
}
SCORES = {
    "voice": Heard("bonafide", 3.0, 2.0),
    "robot": Heard("spoof", -4.0, 2.0),
    "edge": Heard("uncertain", 0.98, 2.0),
    "click": Heard("too_short", None, 0.4),
}
HERE = Measurement({**FACTS, "machine": "x86_64"}, SCORES, Heard("uncertain", -1.0, 9.0), 14.0)


def there(*, live=HERE.live, bench=HERE.bench_cm_score, scores=None, **facts):
    return Measurement({**FACTS, **facts}, {**SCORES, **(scores or {})}, live, bench)


def compared(measurement):
    return compare("arm64-litert", BOARD, HERE, measurement, THRESHOLDS)


def test_the_same_answers_are_no_fault():
    found = compared(there())
    assert (found.faults, found.flipped) == ((), ())
    assert (found.clips, found.scored, found.equal_verdicts) == (4, 3, 4)
    assert (found.max_delta, found.mean_delta, found.listen_delta, found.bench_delta) == (0.0, 0.0, 0.0, 0.0)
    assert text_table([found]).splitlines()[-1] == "all within the bound"


FAULTS = {
    "a score": (
        there(scores={"robot": Heard("spoof", -4.2, 2.0)}),
        "edge score differs by up to 0.200 nats, more than 0.18",
    ),
    "a score that is not there": (
        there(scores={"voice": Heard("too_short", None, 2.0)}),
        "voice: bonafide 3.000 here, too_short there",
    ),
    "a score where there should be none": (
        there(scores={"click": Heard("uncertain", 0.0, 0.4)}),
        "click: too_short here, uncertain 0.000 there",
    ),
    "a verdict, far from a threshold": (
        there(scores={"voice": Heard("uncertain", 3.0, 2.0)}),
        "voice: bonafide 3.000 here, uncertain 3.000 there",
    ),
    "the speech measured": (
        there(scores={"voice": Heard("bonafide", 3.0, 2.1)}),
        "the speech measured differs by 0.1000 s, more than 0.001",
    ),
    "a live call": (there(live=Heard("uncertain", -1.5, 9.0)), "edge listen ends 0.500 nats apart, more than 0.18"),
    "the synthetic voice": (there(bench=13.0), "edge bench differs by 1.000 nats, more than 0.18"),
    "a stream in pieces": (there(unequal_chunks=2), "2 chunks of a stream in pieces are not as in the whole"),
    "no chunk at all": (there(chunks=0), "a stream in pieces gave no chunk"),
    "the processor": (there(machine="x86_64"), "it says that it is x86_64, not aarch64"),
}


@pytest.mark.parametrize(("measurement", "told"), FAULTS.values(), ids=FAULTS)
def test_what_differs_is_told(measurement, told):
    found = compared(measurement)
    assert found.faults == (told,)
    assert text_table([compared(there()), found]).splitlines()[-1] == f"arm64-litert: WRONG: {told}"


def test_no_score_at_all_is_a_fault():
    silent = dict.fromkeys(SCORES, Heard("too_short", None, 0.4))
    found = compare("arm64-litert", BOARD, replace(HERE, scores=silent), there(scores=silent), THRESHOLDS)
    assert found.faults == ("none of 4 recordings has a score",)


def test_differences_up_to_the_bounds_are_no_fault():
    scores = {"robot": Heard("spoof", -4.0 + 0.99 * BOUND_NATS, 2.0 + 0.99 * SPEECH_BOUND_S)}
    found = compared(there(scores=scores, bench=14.0 - 0.99 * BOUND_NATS))
    assert found.faults == ()
    assert found.max_delta == pytest.approx(0.99 * BOUND_NATS)
    assert found.mean_delta == pytest.approx(0.33 * BOUND_NATS)


def test_a_verdict_may_flip_at_its_threshold():
    found = compared(there(scores={"edge": Heard("bonafide", 1.02, 2.0)}))
    assert found.faults == ()
    assert (found.equal_verdicts, found.flipped) == (3, ("edge: uncertain 0.980 here, bonafide 1.020 there",))
    *_, note, last = text_table([found]).splitlines()
    assert note == f"arm64-litert: at a threshold, no fault: {found.flipped[0]}"
    assert last == "all within the bound"


def test_recordings_that_the_other_did_not_get_are_left_out():
    few = replace(there(), scores={"voice": SCORES["voice"]})
    assert compared(few).clips == 1


def test_the_json_holds_the_fields_and_the_bound():
    fields = json.loads(json.dumps(as_json(compared(there()))))
    assert fields["bound_nats"] == BOUND_NATS
    assert (fields["target"], fields["machine"], fields["chunks"], fields["faults"]) == (
        *("arm64-litert", "aarch64"),
        *(24, []),
    )


def test_the_table_has_a_column_for_each_and_says_what_did_not_run():
    lines = text_table([compared(there()), compared(there(live=None))]).splitlines()
    assert len(lines) == 13
    assert lines[0].split() == ["arm64-litert", "arm64-litert"]
    assert [line.split()[-3:] for line in lines if line.startswith("edge listen")] == [["nats", "not", "run"]]
