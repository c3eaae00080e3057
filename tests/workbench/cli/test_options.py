"""A file to write in a folder that is not there is refused before any work, with what to do."""

from __future__ import annotations

import click
import pytest
from click.testing import CliRunner

from workbench.cli.main import main
from workbench.cli.options import OutputFile


def options():
    """Every option of `workbench` that names a file to write, as (words of the command, option)."""

    def walk(command, words):
        if isinstance(command, click.Group):
            for name, inner in command.commands.items():
                yield from walk(inner, [*words, name])
        for option in command.params:
            if isinstance(option.type, click.Path) and option.type.file_okay and not option.type.exists:
                yield words, option

    return list(walk(main, []))


def test_no_option_takes_a_file_to_write_without_that_check():
    found = options()
    assert len(found) >= 8
    assert [words for words, option in found if not isinstance(option.type, OutputFile)] == []


@pytest.mark.parametrize("words", [["calibrate", "--report"], ["evaluate", "--trials"], ["report", "-o"]], ids=" ".join)
def test_a_missing_folder_is_told_at_once(words, tmp_path):
    given = tmp_path / "given"
    given.touch()
    command, option = words
    arguments = [command, str(given), "--manifest", str(given), option, str(tmp_path / "nowhere" / "out.json")]
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 2
    assert f"there is no folder {tmp_path / 'nowhere'} for out.json; make it, or write elsewhere" in result.output


def test_a_name_alone_is_of_the_folder_one_is_in(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert str(OutputFile().convert("out.json", None, None)) == "out.json"
