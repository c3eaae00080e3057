"""A file is replaced whole, and nothing else is left beside it."""

from __future__ import annotations

from workbench.data.atomic_file import write_atomically


def test_a_file_is_replaced_whole_and_nothing_else_is_left(tmp_path):
    write_atomically(tmp_path / "a", "old")
    write_atomically(tmp_path / "a", "n\u00e9")
    write_atomically(tmp_path / "b", b"\xff")
    assert (tmp_path / "a").read_bytes() == "n\u00e9".encode()
    assert (tmp_path / "b").read_bytes() == b"\xff"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "b"]
