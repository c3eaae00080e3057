"""Write docs/cli.md from the commands themselves, or check that it is current.

Example: python tools/document_cli.py --check
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import click

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "cli.md"
PROGRAMS = {"edge": "edge.cli.main", "workbench": "workbench.cli.main"}
WIDTH = 100

HEAD = """\
# Command line

Made by `tools/document_cli.py` from the commands' own help; do not edit it by hand.

"""


def commands(name: str, command: click.Command, parent: click.Context | None = None) -> Iterator[click.Context]:
    """Yield a context for a command and, below it in alphabetical order, for everything it contains."""
    context = command.make_context(name, [], parent, resilient_parsing=True, terminal_width=WIDTH)
    yield context
    if isinstance(command, click.Group):
        for child in command.list_commands(context):
            found = command.get_command(context, child)
            if found is not None and not found.hidden:
                yield from commands(child, found, context)


def program_contexts() -> list[click.Context]:
    """All commands of `edge` and `workbench`."""
    return [
        context for name, module in PROGRAMS.items() for context in commands(name, import_module(module).main, None)
    ]


def page() -> str:
    """Compose docs/cli.md: a table of contents and one section a command."""
    contexts = program_contexts()
    index = [f"- [`{context.command_path}`](#{context.command_path.replace(' ', '-')})" for context in contexts]
    sections = [f"## {context.command_path}\n\n```text\n{context.get_help().rstrip()}\n```\n" for context in contexts]
    return HEAD + "\n".join(index) + "\n\n" + "\n".join(sections)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="change nothing; exit 1 when docs/cli.md is out of date")
    check: bool = parser.parse_args().check
    sys.path.insert(0, str(ROOT))
    # A default may lie below the home folder; the page must not depend on whose home it is.
    os.environ["HOME"] = "/home/user"
    text = page()
    current = PAGE.read_text(encoding="utf-8") if PAGE.exists() else None
    if current == text:
        return 0
    if check:
        print("docs/cli.md is out of date; run: python tools/document_cli.py", file=sys.stderr)
        return 1
    PAGE.write_text(text, encoding="utf-8")
    print(f"wrote {PAGE.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
