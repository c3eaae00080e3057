"""A verifier's score file gives the operating point that its lines hold."""

from __future__ import annotations

import pytest

from workbench.errors import EvaluationError
from workbench.evaluate.asv_scores import read_asv_operating_point


def write(tmp_path, lines):
    path = tmp_path / "asv.txt"
    path.write_text("\n".join(lines) + "\n")
    return path


def test_the_operating_point_by_hand(tmp_path):
    """Targets 1 to 4, others -1 to 2: at the equal error threshold one of four errs on each side."""
    lines = [f"- target {x}" for x in (1, 2, 3, 4)] + [f"- nontarget {x}" for x in (-1, 0, 0.5, 2)]
    lines += [f"A07 spoof {x}" for x in (-5, 1.5, 3, 9)]
    found = read_asv_operating_point(write(tmp_path, lines))
    assert (found.p_miss, found.p_false_alarm, found.p_miss_spoof) == (0.25, 0.25, 0.5)


def test_a_line_that_does_not_fit_is_named(tmp_path):
    with pytest.raises(EvaluationError, match=r"line 2: expected ATTACK KEY SCORE.*got 'A07 bonafide 1'"):
        read_asv_operating_point(write(tmp_path, ["- target 1", "A07 bonafide 1"]))
    with pytest.raises(EvaluationError, match=r"line 1: .*got 'A07 spoof nan'"):
        read_asv_operating_point(write(tmp_path, ["A07 spoof nan"]))


def test_a_key_without_scores_is_named(tmp_path):
    with pytest.raises(EvaluationError, match="no scores of nontarget and spoof"):
        read_asv_operating_point(write(tmp_path, ["- target 1", ""]))
    with pytest.raises(EvaluationError, match=r"gone.txt: cannot read"):
        read_asv_operating_point(tmp_path / "gone.txt")
