"""Verdicts from raw scores alone, without a model: on recordings at their end, on live streams chunk by chunk."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from edge.contract import Contract, OperatingPoint, Thresholds
from edge.decision import FileDecider, LiveDecider, RawScore, SpoofPassage, probability
from edge.scoring import score_samples

CHUNK = 4096
CHUNK_S = 0.256
FULL = 16.0
CONTRACT = Contract(
    name="test",
    chunk_samples=CHUNK,
    forgetting_s=8.0,
    calibration_scale=2.0,
    calibration_offset=1.0,
    thresholds=Thresholds(spoof_below=-1.0, bonafide_above=1.0),
)
LIVE = Contract(name="live", chunk_samples=CHUNK, thresholds=Thresholds(spoof_below=-3.0, bonafide_above=1.0))
POINT = OperatingPoint("balanced", 2.0, -1.0, -0.5, 2.0, 1.0, 60.0)
PLAIN = OperatingPoint("plain", 0.0, -1.0, -0.5, 1.0, 0.0, 0.0)


def raw_scores(values, speech=FULL):
    weights = speech if isinstance(speech, list) else [speech] * len(values)
    return [
        RawScore(index * CHUNK, (index + 1) * CHUNK, value, weight)
        for index, (value, weight) in enumerate(zip(values, weights, strict=True))
    ]


def decide(values, *, speech=FULL, all_zero=False, keep_timeline=False):
    decider = FileDecider(CONTRACT, keep_timeline=keep_timeline)
    for raw_score in raw_scores(values, speech):
        decider.add(raw_score)
    return decider.decide(all_zero=all_zero)


def run(values, point=POINT, *, speech=FULL, contract=LIVE, **kwargs):
    decider = LiveDecider(contract, point)
    return [decider.add(raw_score, **kwargs) for raw_score in raw_scores(values, speech)]


class Follower:
    """A step model whose raw score is the mean of its samples, fading over the contract's speech as statistics do."""

    contract = replace(CONTRACT, calibration_scale=4.0, calibration_offset=0.0, thresholds=Thresholds(-1.6, 1.0))

    def initial_states(self):
        return 0.0, 0.0

    def step(self, samples, states):
        kept = math.exp(-CHUNK_S / self.contract.forgetting_s)
        weighted = kept * states[0] + (1 - kept) * float(samples.mean())
        weight = kept * states[1] + 1 - kept
        return weighted / weight, FULL, (weighted, weight)


def alarms(states):
    return [index for index, state in enumerate(states) if state.alarm]


class TestRecording:
    @pytest.mark.parametrize(
        ("value", "verdict"),
        [(-2.0, "spoof"), (-1.0, "uncertain"), (-0.5, "uncertain"), (0.0, "uncertain"), (1.0, "bonafide")],
    )
    def test_the_verdict_follows_the_calibrated_score_and_its_two_thresholds(self, value, verdict):
        """cm_score = 2 * raw score + 1; a score on a threshold (here -1 and 1) is uncertain."""
        decision = decide([value] * 8)
        assert decision.cm_score == pytest.approx(2 * value + 1)
        assert decision.verdict == verdict
        assert decision.p_bonafide == pytest.approx(1 / (1 + math.exp(-(2 * value + 1))))

    def test_a_short_recording_is_judged_by_its_last_raw_score_with_speech(self):
        assert decide([5.0] * 4 + [-3.0] * 4).cm_score == pytest.approx(-5.0)
        assert decide([2.0] * 5 + [-9.0] * 50, speech=[FULL] * 5 + [0.0] * 50).cm_score == pytest.approx(5.0)

    @pytest.mark.parametrize(("chunks", "verdict"), [(0, "no_speech"), (3, "too_short"), (4, "bonafide")])
    def test_less_speech_than_the_contract_asks_gives_no_score(self, chunks, verdict):
        """Chunks of 0.256 s: three are under the second that is needed, four above."""
        decision = decide([5.0] * chunks)
        assert decision.verdict == verdict
        assert (decision.cm_score is None) == (decision.p_bonafide is None) == (verdict != "bonafide")

    def test_all_zeros_are_silenced_whatever_the_raw_score(self):
        decision = decide([-5.0] * 8, all_zero=True)
        assert (decision.verdict, decision.cm_score, decision.p_bonafide) == ("silenced", None, None)

    def test_a_long_recording_is_the_mean_of_its_spans_and_states_how_much_was_spoof(self):
        """Two spans of 8 s: one at +3 (cm 7), one at -3 (cm -5); 32 chunks of 0.256 s are the first to reach 8 s."""
        decision = decide([3.0] * 32 + [-3.0] * 32)
        assert decision.cm_score == pytest.approx((7.0 - 5.0) / 2)
        assert decision.spoof_s == pytest.approx(32 * CHUNK_S)
        assert decision.speech_s == pytest.approx(64 * CHUNK_S)
        assert decide([3.0] * 32 + [-3.0] * 2).cm_score == pytest.approx(7.0), "a rest too short to judge is left out"

    def test_neighbouring_spoof_spans_are_one_passage_from_its_first_speech_to_its_last(self):
        """Spans of 32 chunks; the passage begins after the pause of 10 chunks and includes the one between its spans."""
        speech = [FULL] * 32 + [0.0] * 10 + [FULL] * 32 + [0.0] * 4 + [FULL] * 64
        decision = decide([3.0] * 42 + [-3.0] * 68 + [3.0] * 32, speech=speech)
        (passage,) = decision.spoof_passages
        assert (passage.start_s, passage.end_s) == pytest.approx((42 * CHUNK_S, 110 * CHUNK_S))
        assert decision.spoof_s == pytest.approx(64 * CHUNK_S)
        assert decide([3.0] * 64).spoof_passages == ()
        assert decide([-3.0] * 8).spoof_passages == (SpoofPassage(0.0, 8 * CHUNK_S, -5.0),)
        assert decide([-3.0] * 64, all_zero=True).spoof_passages == ()

    def test_a_span_is_spoof_without_the_speech_before_it(self):
        """A constant score is each span's own; after a real voice the score at the end of a span holds a third of it."""
        (passage,) = decide([-3.0] * 96).spoof_passages
        assert passage.cm_score == pytest.approx(-5.0)
        decision = decide([3.0] * 320 + [-0.9] * 32)
        kept = math.exp(-32 * CHUNK_S / 8.0)
        assert decision.spoof_passages[0].cm_score == pytest.approx((-0.8 - 7.0 * kept) / (1 - kept), rel=1e-3)

    def test_of_many_passages_those_that_score_lowest_are_kept(self):
        values = [value for index in range(50) for value in [3.0] * 32 + [-3.0 - index % 10] * 32]
        passages = decide(values).spoof_passages
        assert len(passages) == 20
        assert [passage.start_s for passage in passages] == sorted(passage.start_s for passage in passages)
        lows = {round(passage.start_s / (64 * CHUNK_S) - 0.5) % 10 for passage in passages}
        assert lows == {6, 7, 8, 9}

    @pytest.mark.parametrize("start", range(0, 34, 3))
    def test_sixteen_seconds_of_a_fake_voice_in_five_minutes_of_a_real_one_are_found(self, start):
        """Wherever it begins within a span, though its running score may stay above the threshold at each span's end."""
        at = 400 * CHUNK + start * CHUNK
        samples = np.full(300 * 16000, 0.5, np.float32)
        samples[at : at + 16 * 16000] = -0.5
        decision = score_samples(Follower(), samples)
        assert decision.verdict == "bonafide"
        assert decision.spoof_s > 7.5
        (passage,) = decision.spoof_passages
        assert at / 16000 - 8.2 < passage.start_s < at / 16000 + 8.2
        assert at / 16000 < passage.end_s < at / 16000 + 16 + 8.2

    def test_the_timeline_has_a_point_a_chunk_and_no_score_before_enough_speech(self):
        timeline = decide([3.0] * 6, keep_timeline=True).timeline
        assert [point.verdict for point in timeline] == ["too_short"] * 3 + ["bonafide"] * 3
        assert timeline[2].cm_score is None
        assert timeline[3].end_s == pytest.approx(4 * CHUNK_S)
        assert decide([3.0] * 6).timeline == ()

    def test_probability_is_the_logistic_without_overflow(self):
        assert [probability(value) for value in (0.0, 1000.0, -1000.0)] == [0.5, 1.0, 0.0]
        assert probability(-2.0) == pytest.approx(1 - probability(2.0))


class TestLive:
    def test_the_smoothed_score_is_what_fires(self):
        """Single scores far below the bound raise nothing while the average stays above it, and the alarm comes in the
        very chunk in which the reported average has been below for the hold."""
        rng = np.random.default_rng(0)
        values = [*(4.0 * rng.standard_normal(200) + 4.0), *(4.0 * rng.standard_normal(200) - 4.0)]
        assert min(values[:200]) < POINT.enter_below
        states = run(values)
        below_s, expected = 0.0, None
        for index, state in enumerate(states):
            below_s = below_s + CHUNK_S if state.cm_score is not None and state.cm_score < POINT.enter_below else 0.0
            if below_s >= POINT.hold_s:
                expected = index
                break
        assert expected is not None
        assert expected >= 200
        assert alarms(states) == [expected]

    def test_the_smoothing_is_an_exponential_mean_over_speech(self):
        values = [3.0, -1.0, 2.0, 0.5, 1.0, -2.0, 0.0, 4.0, 1.0]
        states = run(values)
        age_s = CHUNK_S * np.arange(len(values))[::-1]
        weights = np.exp(-age_s / POINT.smoothing_s)
        assert states[-1].cm_score == pytest.approx(float((weights * values).sum() / weights.sum()))
        assert states[-1].p_bonafide == pytest.approx(1 / (1 + math.exp(-states[-1].cm_score)))
        assert run([5.0] * 8 + [-2.0], PLAIN)[-1].cm_score == -2.0, "without smoothing the last score counts"

    def test_a_constant_score_gives_itself_at_any_weight_of_speech(self):
        weights = [3.0, 16.0, 0.0, 7.5, 1.0] * 10
        assert run([-0.25] * 50, speech=weights)[-1].cm_score == pytest.approx(-0.25)

    def test_there_is_no_verdict_before_the_least_speech(self):
        verdicts = [state.verdict for state in run([5.0] * 80)]
        assert verdicts == ["too_short"] * 7 + ["bonafide"] * 73
        assert [state.cm_score is None for state in run([5.0] * 9)] == [True] * 7 + [False] * 2
        assert run([0.0] * 20)[-1].verdict == "uncertain"

    def test_an_alarm_waits_for_its_hold_in_speech_and_not_in_time(self):
        """Pauses between words bring the alarm no nearer."""
        point = replace(PLAIN, min_speech_s=0.0, hold_s=2.0)
        dense = run([-5.0] * 40, point)
        sparse = run([-5.0] * 80, point, speech=[FULL, 0.0] * 40)
        assert dense[alarms(dense)[0]].speech_s == sparse[alarms(sparse)[0]].speech_s
        assert alarms(sparse)[0] == 2 * alarms(dense)[0]

    def test_the_verdict_is_kept_between_the_two_bounds_and_left_above_the_upper(self):
        states = run([0.0] * 5 + [-2.0, -0.75, -0.6, -0.4, -0.75], PLAIN)
        assert [state.verdict for state in states[5:]] == ["spoof", "spoof", "spoof", "uncertain", "uncertain"]
        assert alarms(states) == [5]

    def test_one_stretch_alarms_once_and_the_cooldown_quiets_the_next(self):
        pattern = [-2.0] * 10 + [2.0] * 10
        states = run([2.0] * 5 + pattern * 5, replace(PLAIN, cooldown_s=10.0))
        assert [round(states[index].end / 16000, 1) for index in alarms(states)] == [1.5, 11.8, 22.0]
        assert states[5 + 25].verdict == "spoof", "the verdict is not quieted, only the alarm"

    @pytest.mark.parametrize("value", [-50.0, 50.0])
    def test_silence_gives_no_score_whatever_the_model_says(self, value):
        states = run([value] * 100, speech=0.0)
        assert {state.verdict for state in states} == {"no_speech"}
        assert not alarms(states)
        assert states[-1].cm_score is None

    def test_exact_zeros_are_a_withheld_stream_and_never_a_score(self):
        decider = LiveDecider(LIVE, POINT)
        scores = raw_scores([5.0] * 20 + [-50.0] * 10 + [5.0])
        states = [decider.add(score, all_zero=20 <= index < 30) for index, score in enumerate(scores)]
        verdicts = [state.verdict for state in states]
        assert verdicts[19:] == ["bonafide"] * 8 + ["silenced"] * 3 + ["bonafide"]
        assert states[29].cm_score == pytest.approx(5.0)

    def test_a_chunk_that_was_mostly_lost_is_not_scored(self):
        assert not alarms(run([-50.0] * 40, lost_share=0.5))
        assert run([-50.0] * 40, lost_share=0.5)[-1].speech_s == 0.0
        assert alarms(run([-50.0] * 40, lost_share=0.1))


class TestOrderOfPoints:
    """Points of a contract stand from the most to the least easily alarmed, and keep that order on any stream."""

    def test_a_point_alarms_wherever_a_stricter_one_does_whatever_their_bounds(self):
        """Random points, which nothing else holds in order, on random streams of speech, pauses and lost chunks."""
        rng, seen = np.random.default_rng(1), 0
        for _ in range(60):
            points = tuple(random_point(rng, f"point {index}") for index in range(3))
            contract = replace(LIVE, operating_points=points)
            values = list(np.cumsum(rng.normal(0.0, 0.7, 400)) * rng.uniform(0.1, 1.0))
            speech = [float(weight) for weight in rng.choice([0.0, 3.0, 10.0, FULL], 400)]
            lost = rng.random(400) < 0.05
            runs = []
            for point in points:
                decider = LiveDecider(contract, point)
                scores = enumerate(raw_scores(values, speech))
                runs.append([decider.add(score, lost_share=float(lost[index])) for index, score in scores])
            for point, easier, stricter in zip(points, runs, runs[1:], strict=False):
                check_order(point, easier, stricter)
            seen += sum(len(alarms(states)) for states in runs)
        assert seen > 200

    def test_what_fires_is_what_is_shown(self):
        """The easier point holds for 5 s of speech; the stricter, lower and quicker, fires first and shows its score."""
        easier = replace(PLAIN, smoothing_s=8.0, hold_s=5.0)
        stricter = replace(PLAIN, name="stricter", enter_below=-4.0, leave_above=-3.5)
        contract = replace(LIVE, operating_points=(easier, stricter))
        states = run([3.0] * 10 + [-5.0] * 4, easier, contract=contract)
        assert alarms(states) == [10]
        assert (states[10].verdict, states[10].cm_score) == ("spoof", -5.0)
        assert alarms(run([3.0] * 10 + [-5.0] * 4, easier)) == [], "a point that is none of the contract stands alone"


def random_point(rng, name):
    enter = rng.uniform(-4.0, 1.0)
    return OperatingPoint(
        name, rng.choice([0.0, 1.0, 4.0]), enter, enter + rng.uniform(0.0, 1.0), rng.uniform(0.0, 6.0),
        rng.choice([0.0, 1.0, 3.0]), rng.choice([0.0, 5.0, 60.0]),
    )  # fmt: skip


def check_order(point, easier, stricter):
    """For each alarm of the stricter one the easier has one at that time, or within its cooldown before."""
    ends = [state.end for state in easier if state.alarm]
    for state, other in zip(stricter, easier, strict=True):
        cooldown = point.cooldown_s * 16000
        if state.alarm:
            assert any(end == state.end or state.end - cooldown < end <= state.end for end in ends)
        if state.verdict == "spoof":
            assert other.verdict == "spoof"
