"""The documents say what the programs do, and their links lead somewhere."""

from __future__ import annotations

import re
import sys

import click
import document_cli
import paste_output
import pytest
from environments import ROOT, run

from edge import __version__

LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)|!\[[^\]]*\]\(([^)\s]+)\)")
PAGES = [
    ROOT / "README.md",
    ROOT / "CHANGELOG.md",
    ROOT / "examples" / "README.md",
    *sorted((ROOT / "docs").rglob("*.md")),
    *sorted((ROOT / "models").glob("*.md")),
]


def page_id(path):
    return path.relative_to(ROOT).as_posix()


def without_code(text):
    return re.sub(r"^(`{3,}).*?^\1`*\s*$", "", text, flags=re.MULTILINE | re.DOTALL)


def anchors(path):
    headings = re.findall(r"^#+\s+(.+?)\s*$", without_code(path.read_text(encoding="utf-8")), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.fixture(scope="module")
def contexts():
    return document_cli.program_contexts()


def test_the_command_line_page_is_current():
    done = run(sys.executable, ROOT / "tools" / "document_cli.py", "--check", check=False)
    assert done.returncode == 0, done.stderr


def test_every_command_is_on_the_command_line_page(contexts):
    page = document_cli.PAGE.read_text(encoding="utf-8")
    assert [context.command_path for context in contexts] == re.findall(r"^## (.+)$", page, flags=re.MULTILINE)


def test_every_command_explains_itself_with_an_example(contexts):
    lacking = [
        context.command_path
        for context in contexts
        if not isinstance(context.command, click.Group)
        and (not context.command.help or f"Example: {context.command_path}" not in context.get_help())
    ]
    assert not lacking


def test_every_option_has_help(contexts):
    lacking = [
        f"{context.command_path} {option.opts[-1]}"
        for context in contexts
        for option in context.command.params
        if isinstance(option, click.Option) and not option.help
    ]
    assert not lacking


@pytest.mark.parametrize("path", PAGES, ids=page_id)
def test_internal_links_lead_somewhere(path):
    broken = []
    for match in LINK.finditer(without_code(path.read_text(encoding="utf-8"))):
        target = match[1] or match[2]
        if re.match(r"[a-z]+:", target):
            continue
        file, _, anchor = target.partition("#")
        found = (path.parent / file).resolve() if file else path
        if not found.exists() or (anchor and found.suffix == ".md" and anchor not in anchors(found)):
            broken.append(target)
    assert not broken


@pytest.mark.parametrize("path", PAGES, ids=page_id)
def test_shown_output_is_pasted_by_the_tool(path):
    """A block that shows a command's output has a marker, and shows that marker's command."""
    lines = path.read_text(encoding="utf-8").splitlines()
    marked = {block.start: block for block in paste_output.parse(lines)}
    for start, block in marked.items():
        assert lines[start + 1] == f"$ {block.command}"
    shown = [
        number
        for number, line in enumerate(lines[:-1])
        if line.startswith("```") and lines[number + 1].startswith("$ ")
    ]
    assert shown == sorted(marked)


def test_the_readme_shows_real_output():
    lines = (ROOT / "README.md").read_text(encoding="utf-8").splitlines()
    assert any(block.command.startswith("edge ") and not block.once for block in paste_output.parse(lines))


def test_every_model_has_a_card():
    models = sorted((ROOT / "models").glob("*.tflite"))
    assert models
    assert [path.name for path in models if not path.with_suffix(".md").exists()] == []


def test_every_example_is_described_with_its_licence():
    described = set(re.findall(r"^\| `([^`]+)` \|", (ROOT / "examples" / "README.md").read_text(), flags=re.MULTILINE))
    assert described == {path.name for path in (ROOT / "examples").iterdir()} - {"README.md"}


def test_the_changelog_has_an_entry_for_what_this_checkout_is():
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert text.startswith("# Changelog")
    assert {"Unreleased", __version__} & set(re.findall(r"^## \[?([^\]\s]+)", text, flags=re.MULTILINE))
