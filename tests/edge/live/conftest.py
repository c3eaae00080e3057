"""Models whose operating point alarms always or never, and `edge listen` as a process and within this one."""

from __future__ import annotations

import pytest

from edge.contract import OperatingPoint
from edge.live.reports import StreamUpdate
from edge.model import Model
from edge.sources.events import AudioChunk
from tests.edge.conftest import with_contract
from tests.edge.harness import environment_in, run_edge

MIN_SPEECH_S, HOLD_S = 2.0, 1.0


def _with_point(folder, name, bound):
    """The shipped model with one operating point: every score below 1000 nats alarms, none below -1000 does."""
    point = OperatingPoint("balanced", 4.0, bound, bound, MIN_SPEECH_S, HOLD_S, 60.0)
    return with_contract(folder / f"{name}.tflite", operating_points=(point,))


@pytest.fixture(scope="session")
def alarming(tmp_path_factory):
    """A model that must alarm on any voice."""
    return _with_point(tmp_path_factory.mktemp("models"), "alarming", 1000.0)


@pytest.fixture(scope="session")
def calm(tmp_path_factory):
    """A model that never alarms."""
    return _with_point(tmp_path_factory.mktemp("models"), "calm", -1000.0)


@pytest.fixture(scope="session")
def alarming_model(alarming):
    return Model.load(alarming)


@pytest.fixture(scope="session")
def calm_model(calm):
    return Model.load(calm)


def chunks(samples, rate=16000, length=320, stream="one", begin=0, lost=None):
    """Samples as chunks of ``length``; ``lost`` is a mask of all of them."""
    return [
        AudioChunk(
            stream, samples[at : at + length], rate, begin + at, None if lost is None else lost[at : at + length]
        )
        for at in range(0, len(samples), length)
    ]


def update(stream="rtp-1", **values):
    known = {
        "call_id": None,
        "state": "listening",
        "verdict": "bonafide",
        "cm_score": 3.0,
        "p_bonafide": 0.95,
        "speech_s": 41.0,
        "position_s": 60.0,
        "lost_s": 0.0,
        "level_db": -30.0,
        "lag_s": 0.12,
        "realtime_factor": 0.0031,
        "changed": False,
    }
    return StreamUpdate(stream, **{**known, **values})


@pytest.fixture
def environment(tmp_path):
    """What a process sees: a home of its own, with an outbox in it and a short time until silence alerts."""
    (tmp_path / "bonafone.toml").write_text(
        f'[listen]\nsilent_alert_s = 3.0\n[alerts]\noutbox = "{tmp_path}/alerts.sqlite"\n'
    )
    return environment_in(tmp_path)


@pytest.fixture
def run(environment):
    """Run `edge listen --json` with these arguments in this process, to its end."""

    def run_one(*arguments, code=0):
        done = run_edge("listen", "--json", *arguments, env=environment)
        assert done.code == code, (arguments, done)
        return done

    return run_one


@pytest.fixture
def start(environment, start_edge):
    """Start `edge listen --json` with these arguments."""

    def start(*arguments, env=environment, **options):
        return start_edge("listen", "--json", *arguments, env=env, **options)

    return start
