"""A call's surroundings, and the shipped model with the tests' own operating point."""

from __future__ import annotations

import dataclasses

import pytest
from call_parts import POINT, Clock, Phone

from android_bridge.guard import CallGuard
from android_bridge.settings import GuardSettings
from edge.catalog import default_model
from edge.contract import embed_contract, read_contract
from edge.model import Model


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def phone():
    return Phone()


@pytest.fixture(scope="session")
def model_path(tmp_path_factory):
    """The shipped model whose contract also holds our operating point."""
    source = default_model()
    contract = dataclasses.replace(read_contract(source), operating_points=(POINT,))
    path = tmp_path_factory.mktemp("model") / source.name
    path.write_bytes(embed_contract(source.read_bytes(), contract))
    return path


@pytest.fixture(scope="session")
def model(model_path):
    return Model.load(model_path)


@pytest.fixture
def guard(model, phone, clock):
    return CallGuard(model, buzzer=phone, notifier=phone, clock=clock, settings=GuardSettings(POINT.name))
