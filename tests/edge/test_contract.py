"""A model carries its contract, and what does not fit is refused with what to do."""

from __future__ import annotations

import io
import json
import zipfile
from dataclasses import replace

import pytest

from edge.catalog import default_model
from edge.contract import (
    Contract,
    FrontEndSpec,
    OperatingPoint,
    Thresholds,
    contract_from_json,
    embed_contract,
    read_contract,
)
from edge.errors import ContractMismatchError, NotAModelError

CONTRACT = Contract(
    name="test", chunk_samples=4096, state_names=("state_a",), thresholds=Thresholds(-1.5, 0.5, 0.01, 0.04)
)
FLATBUFFER = b"\x1c\x00\x00\x00TFL3" + bytes(range(200))


def test_a_contract_survives_the_way_into_a_model_and_back(tmp_path):
    path = tmp_path / "model.tflite"
    path.write_bytes(embed_contract(FLATBUFFER, CONTRACT))
    assert read_contract(path) == CONTRACT


def test_the_flatbuffer_is_untouched_zip_tools_read_the_rest_and_embedding_again_replaces():
    data = embed_contract(FLATBUFFER, CONTRACT)
    assert data.startswith(FLATBUFFER)
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert archive.namelist() == ["contract.json"]
        assert archive.testzip() is None
    assert embed_contract(embed_contract(FLATBUFFER, replace(CONTRACT, name="other")), CONTRACT) == data


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"contract_version": 3}, "this runtime reads contract versions 1 to 2, the model carries 3"),
        ({"surprise": 1}, "contract.json: unknown key surprise"),
        ({"calibration_scale": "1"}, "contract.json: calibration_scale: expected a number, got '1'"),
        ({"chunk_samples": 1000}, "chunk_samples must be a positive multiple of the hop"),
        ({"frontend": {"window": 500}}, "window must be even and a multiple of hop"),
    ],
)
def test_what_does_not_fit_is_refused(change, message):
    with pytest.raises(ContractMismatchError, match=message):
        contract_from_json(json.dumps({**json.loads(CONTRACT.to_json()), **change}))


@pytest.mark.parametrize("name", ["NaN", "Infinity", "-Infinity"])
def test_a_contract_that_is_not_json_or_holds_a_number_that_is_not_finite_is_refused(name):
    """With NaN in the calibration every score would be NaN, and no threshold would ever be crossed."""
    text = CONTRACT.to_json().replace('"calibration_scale": 1.0', f'"calibration_scale": {name}')
    with pytest.raises(ContractMismatchError, match=f"not JSON .*expected finite numbers, got {name}"):
        contract_from_json(text)
    with pytest.raises(ContractMismatchError, match="not JSON"):
        contract_from_json("{")


@pytest.mark.parametrize(
    ("content", "error", "message"),
    [
        (FLATBUFFER, ContractMismatchError, "use a model made by `workbench quantize`"),
        (b"RIFFxxxxWAVE", NotAModelError, "expected a TFLite model"),
        (b"", NotAModelError, "expected a TFLite model"),
        (None, NotAModelError, "No such file"),
    ],
)
def test_a_file_that_is_no_model_of_ours_is_refused(tmp_path, content, error, message):
    path = tmp_path / "model.tflite"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(error, match=message):
        read_contract(path)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"window": 511}, "window must be even"),
        ({"hop": 200}, "multiple of hop"),
        ({"n_fft": 256}, "n_fft must be at least the window"),
        ({"fmax_hz": 9000.0}, "need 0 <= fmin < fmax"),
        ({"mel_break_hz": 0.0}, "mel_break_hz is positive"),
        ({"phase_advance": 100}, r"phase_advance is 0 .* divides the hop \(256 samples\); got 100"),
        ({"phase_advance": 64, "power_window": 1000}, r"power_window is 0 .* multiple of the hop \(256\); got 1000"),
        ({"phase_advance": 64, "phase_range_db": -3.0}, "phase_range_db is 0 .* got -3"),
        ({"phase_mels": 96}, "phase_mels and power_window belong to a front end with phase_advance"),
        ({"brief_window": 64, "brief_step": 24}, r"brief_step divides the hop \(256 samples\).* got 24 and 64"),
        ({"brief_window": 48}, "brief_window is an even number of steps; got 16 and 48"),
        ({"brief_window": 1024}, r"lies between 0 and the window \(512\); got 1024"),
    ],
)
def test_impossible_front_end_numbers_are_refused(fields, message):
    with pytest.raises(ValueError, match=message):
        FrontEndSpec(**fields)


def test_the_shipped_model_states_where_it_comes_from_and_what_its_thresholds_cost():
    contract = read_contract(default_model())
    assert contract.name == default_model().stem
    assert len(contract.corpus_digest) == 64
    assert contract.git_revision
    assert contract.quantization.startswith("int8")
    assert 0 < contract.thresholds.bpcer <= 0.05
    assert contract.thresholds.spoof_below < contract.thresholds.bonafide_above


POINT = OperatingPoint("balanced", 4.0, -1.0, -0.5, 2.0, 1.0, 60.0, 1.0, 3.5, 0.6, 8.0, None)


def test_operating_points_travel_with_the_model(tmp_path):
    path = tmp_path / "model.tflite"
    path.write_bytes(embed_contract(FLATBUFFER, replace(CONTRACT, operating_points=(POINT,))))
    assert read_contract(path).operating_point("balanced") == POINT


def test_a_model_from_before_operating_points_is_read_and_says_so_when_asked():
    data = json.loads(CONTRACT.to_json())
    del data["operating_points"]
    contract = contract_from_json(json.dumps(data))
    assert contract == CONTRACT
    with pytest.raises(ContractMismatchError, match=r"carries no operating points.*workbench calibrate"):
        contract.operating_point("balanced")


def test_an_unknown_operating_point_is_refused_with_the_known_ones():
    contract = replace(CONTRACT, operating_points=(POINT, replace(POINT, name="quiet")))
    assert [contract.stricter_points(point) for point in contract.operating_points] == [
        contract.operating_points[1:],
        (),
    ]
    with pytest.raises(ContractMismatchError, match="no operating point 'loud'; expected one of balanced, quiet"):
        contract.operating_point("loud")


@pytest.mark.parametrize("field", [{"hold_s": -1.0}, {"leave_above": -2.0}, {"surprise": 1}])
def test_an_operating_point_that_does_not_fit_is_refused(field):
    data = json.loads(replace(CONTRACT, operating_points=(POINT,)).to_json())
    data["operating_points"][0].update(field)
    with pytest.raises(ContractMismatchError, match="quantise it again"):
        contract_from_json(json.dumps(data))
    with pytest.raises(ValueError, match="hold_s must be at least 0; got nan"):
        replace(POINT, hold_s=float("nan"))


def test_a_contract_of_version_1_is_read_in_the_names_of_version_2():
    """Version 1 called the raw score evidence, and the share of spoof that passes a miss rate."""
    data = json.loads(CONTRACT.to_json())
    data["contract_version"] = 1
    data["thresholds"]["false_alarm_rate"] = data["thresholds"].pop("bpcer")
    data["thresholds"]["miss_rate"] = data["thresholds"].pop("apcer")
    del data["raw_score_output"]
    read = contract_from_json(json.dumps(data))
    assert read == replace(CONTRACT, raw_score_output="evidence")
    assert contract_from_json(read.to_json()) == read
