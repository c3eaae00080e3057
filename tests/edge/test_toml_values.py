"""Reading TOML into typed settings."""

from __future__ import annotations

import pytest

from edge.toml_values import fits, read_toml, without_none


class SomeError(Exception):
    """Of whoever reads."""


def test_a_file_gives_its_tables(tmp_path):
    (tmp_path / "a.toml").write_text("[x]\ny = 1")
    assert read_toml(tmp_path / "a.toml", SomeError, "thing", "give one") == {"x": {"y": 1}}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, r"^NAME: cannot read the thing \(.*No such file.*\); give one$"),
        (b"\xff", r"^NAME: cannot read the thing \(.*utf-8.*\); give one$"),
        (b"x = ", r"^NAME: not TOML \("),
    ],
)
def test_what_is_no_toml_file_is_told_in_the_words_of_whoever_reads(tmp_path, content, message):
    file = tmp_path / "a.toml"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(SomeError, match=message):
        read_toml(file, SomeError, "thing", "give one", shown="NAME")


@pytest.mark.parametrize(
    ("kind", "value", "expected"),
    [
        (int, 1, True),
        (int, True, False),
        (int, 1.0, False),
        (float, 1, True),
        (float, True, False),
        (bool, True, True),
        (bool, 1, False),
        (str, "a", True),
        (str, 1, False),
    ],
)
def test_true_is_no_number_and_a_whole_number_is_a_float(kind, value, expected):
    assert fits(kind, value) is expected


def test_the_type_that_may_be_absent_is_found():
    assert without_none(float | None) is float
    assert without_none(None | str) is str
    assert without_none(int) is None
