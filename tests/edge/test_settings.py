"""Tables of a configuration become frozen settings, each mistake with its place and no value shown."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from edge.errors import ConfigError
from edge.settings import build_settings


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
    inner: Inner = field(default_factory=Inner)

    def __post_init__(self) -> None:
        if self.count < 0:
            raise ConfigError(f"count: expected at least 0, got {self.count}")


def test_what_the_table_names_is_taken_and_typed():
    built = build_settings(Outer, {"count": 3, "steps": [1, 2], "inner": {"level": 2}, "place": "here"}, "file: outer")
    assert built == Outer(count=3, steps=(1, 2), inner=Inner(2.0), place="here")
    assert isinstance(built.inner.level, float)


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({"coumt": 1}, r"file: outer: unknown key coumt; did you mean count\?"),
        ({"zebra": 1}, "file: outer: unknown key zebra; known are count, inner, loud, name, place, steps"),
        ({"count": True}, "file: outer.count: expected a whole number, got true or false"),
        ({"count": -1}, "file: outer.count: expected at least 0, got -1"),
        ({"steps": [1, "two"]}, r"file: outer.steps\[1\]: expected a whole number, got a string"),
        ({"inner": 5}, "file: outer.inner: expected a table, got a whole number"),
        ({"inner": {"level": "hush-hush"}}, "file: outer.inner.level: expected a number, got a string"),
    ],
)
def test_mistakes_say_where_they_are(table, message):
    with pytest.raises(ConfigError, match=message) as caught:
        build_settings(Outer, table, "file: outer")
    assert "hush" not in str(caught.value)
