"""Tables of a TOML file become frozen settings, each mistake with its place and no value shown."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import pytest

from edge.errors import ConfigError
from edge.settings import build_settings, read_toml


@dataclass(frozen=True)
class Inner:
    level: float = 1.0


@dataclass(frozen=True)
class Outer:
    name: str = "none"
    count: int = 1
    loud: bool = False
    place: str | None = None
    steps: tuple[int, ...] = ()
    pair: tuple[float, float] = (0.0, 1.0)
    names: dict[str, str] = field(default_factory=dict)
    level: float | None = 1.0
    inner: Inner = field(default_factory=Inner)

    def __post_init__(self) -> None:
        if self.count < 0:
            raise ConfigError(f"count: expected at least 0, got {self.count}")
        if self.pair[0] > self.pair[1]:
            raise ValueError("pair goes up")


def test_what_the_table_names_is_taken_and_typed():
    table = {
        "count": 3, "steps": [1, 2], "pair": [2, 3], "inner": {"level": 2}, "place": "none", "level": "none",
        "names": {"a": "b"},
    }  # fmt: skip
    built = build_settings(Outer, table, "file: outer")
    expected = Outer(count=3, steps=(1, 2), pair=(2.0, 3.0), inner=Inner(2.0), place="none", level=None)
    assert built == replace(expected, names={"a": "b"})
    assert isinstance(built.inner.level, float)


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({"coumt": 1}, r"file: outer: unknown key coumt; did you mean count\?"),
        ({"zebra": 1}, "file: outer: unknown key zebra; known are count, inner, level, loud, name, names, pair, place"),
        ({"count": True}, "file: outer.count: expected a whole number, got true or false"),
        ({"count": 1.0}, "file: outer.count: expected a whole number, got a number"),
        ({"level": True}, "file: outer.level: expected a number, got true or false"),
        ({"loud": 1}, "file: outer.loud: expected true or false, got a whole number"),
        ({"name": 1}, "file: outer.name: expected a string, got a whole number"),
        ({"count": -1}, "file: outer.count: expected at least 0, got -1"),
        ({"pair": [2, 1]}, "file: outer: pair goes up"),
        ({"pair": [2]}, "file: outer.pair: expected 2 values, got 1"),
        ({"steps": [1, "two"]}, r"file: outer.steps\[1\]: expected a whole number, got a string"),
        ({"steps": "hush"}, "file: outer.steps: expected a list, got a string"),
        ({"inner": 5}, "file: outer.inner: expected a table, got a whole number"),
        ({"inner": {"level": "hush-hush"}}, "file: outer.inner.level: expected a number, got a string"),
        ({"names": {"a": 1}}, "file: outer.names.a: expected a string, got a whole number"),
    ],
)
def test_mistakes_say_where_they_are_and_show_no_value(table, message):
    with pytest.raises(ConfigError, match=message) as caught:
        build_settings(Outer, table, "file: outer")
    assert "hush" not in str(caught.value)


def test_values_are_quoted_where_none_is_a_secret_and_the_error_is_the_readers():
    with pytest.raises(SomeError, match=r"^file: count: expected a whole number, got 'three'$"):
        build_settings(Outer, {"count": "three"}, "file", error=SomeError, quoted=True)


class SomeError(Exception):
    """Of the reader."""


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, r"^NAME: cannot read the thing \(.*No such file.*\); give one$"),
        (b"\xff", r"^NAME: cannot read the thing \(.*utf-8.*\); give one$"),
        (b"x = ", r"^NAME: not TOML \("),
    ],
)
def test_a_file_that_is_no_toml_is_refused_in_the_words_of_its_reader(tmp_path, content, message):
    file = tmp_path / "a.toml"
    file.write_text("[x]\ny = 1")
    assert read_toml(file, SomeError, "thing", "give one") == {"x": {"y": 1}}
    file.unlink() if content is None else file.write_bytes(content)
    with pytest.raises(SomeError, match=message):
        read_toml(file, SomeError, "thing", "give one", shown="NAME")
