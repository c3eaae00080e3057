"""Operators read from the shipped model's own bytes, and from what is no model."""

from __future__ import annotations

import contextlib

import pytest

from edge.catalog import default_model, shipped_models
from edge.doctor.operators import Operator, named, read_operators
from edge.errors import NotAModelError


@pytest.fixture(scope="module")
def data():
    return default_model().read_bytes()


def test_every_node_of_the_runtime_is_found_with_its_name(model, data):
    details = model._interpreter._get_ops_details()
    nodes = [detail for detail in details if detail["op_name"] != "DELEGATE"]
    operators = read_operators(data)
    assert sum(len(operator.nodes) for operator in operators) == len(nodes)
    names = {name for name, _ in named(operators, details)}
    assert names == {detail["op_name"] for detail in nodes}


def test_the_shipped_models_ask_for_nothing_that_older_runtimes_refuse(model):
    """LOG in version 2 (int8) is what tflite-runtime 2.14 does not know: docs/design says why ours stays float."""
    assert shipped_models()
    operators = dict(named(read_operators(model.path.read_bytes()), model._interpreter._get_ops_details()))
    assert operators["LOG"] == 1
    assert operators["FULLY_CONNECTED"] < 12


def test_an_operator_that_the_runtime_does_not_list_goes_by_number_and_a_custom_one_by_name():
    operators = [Operator(45, 1, nodes=(3,)), Operator(32, 1, "Mine", (4,)), Operator(7, 2, nodes=(0, 1))]
    assert named(operators, [{"index": 1, "op_name": "ADD"}]) == [("ADD", 2), ("Mine", 1), ("builtin 45", 1)]


@pytest.mark.parametrize("length", [0, 3, 8, 40, 200, 2000])
def test_a_file_that_is_cut_is_refused(data, length):
    with pytest.raises(NotAModelError, match="cut or damaged"):
        read_operators(data[:length])


def test_damage_is_refused_or_read_and_never_anything_else(data, rng):
    for _ in range(300):
        damaged = bytearray(data[:40000])
        for place in rng.integers(0, 4000, 8):
            damaged[place] = rng.integers(0, 256)
        with contextlib.suppress(NotAModelError):
            read_operators(bytes(damaged))
