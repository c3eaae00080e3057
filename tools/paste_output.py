"""Keep the documents honest: run the commands that they show and put in the real output.

A marker stands on the line before a fenced block, and the block is rewritten:

    <!-- run: edge score examples/spoof-flite.mp3 -->
    <!-- run exit=3 stderr: edge score examples -->     expects exit code 3; shows stderr too
    <!-- run-once: make train -->                       too long or too variable: rerun by --all only

Commands run in the repository's root with this Python's programs on PATH, 100 columns wide, without colour.
Without FILES: README.md, docs/ and models/.

Example: python tools/paste_output.py --check
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
COLUMNS = 100

_MARKER = re.compile(r"^<!--\s*run(?P<once>-once)?(?P<options>(?:\s[^:]*)?):\s*(?P<command>.+?)\s*-->\s*$")
_FENCE = re.compile(r"^(?P<ticks>`{3,})(?P<language>\S*)\s*$")


class PasteError(Exception):
    """A marker that cannot be read, or a command that did not do what its marker says."""


@dataclass(frozen=True)
class Block:
    """One marked block: lines ``start`` to ``end`` (excluded, from 0) are the fence and what it holds."""

    command: str
    once: bool
    exit_code: int
    merge_stderr: bool
    start: int
    end: int
    language: str


Runner = Callable[[Block], str]


def parse(lines: list[str]) -> list[Block]:
    """Find the marked blocks of a document.

    Raises
    ------
    PasteError
        An unknown option, or no complete fenced block after a marker.
    """
    blocks, fence = [], ""
    for number, line in enumerate(lines):
        opened = _FENCE.match(line)
        if opened and not fence:
            fence = opened["ticks"]
        elif opened and opened["ticks"] == fence:
            fence = ""
        # A marker inside a block is text about markers.
        marker = None if fence else _MARKER.match(line)
        if marker:
            blocks.append(_block(lines, number, marker))
    return blocks


def _block(lines: list[str], number: int, marker: re.Match[str]) -> Block:
    exit_code, merge_stderr = 0, False
    for option in marker["options"].split():
        if option == "stderr":
            merge_stderr = True
        elif re.fullmatch(r"exit=\d+", option):
            exit_code = int(option.removeprefix("exit="))
        else:
            raise PasteError(f"line {number + 1}: unknown option {option!r}; expected stderr or exit=NUMBER")
    start = number + 1
    while start < len(lines) and not lines[start].strip():
        start += 1
    fence = _FENCE.match(lines[start]) if start < len(lines) else None
    if fence is None:
        raise PasteError(f"line {number + 1}: no fenced block follows the marker; put an empty one there")
    for end in range(start + 1, len(lines)):
        if lines[end].rstrip() == fence["ticks"]:
            once = marker["once"] is not None
            return Block(marker["command"], once, exit_code, merge_stderr, start, end + 1, fence["language"])
    raise PasteError(f"line {start + 1}: the fenced block has no end")


def run(block: Block) -> str:
    """Run a block's command in the repository's root; return what it printed.

    Raises
    ------
    PasteError
        Another exit code than the marker expects.
    """
    environment = {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}",
        "COLUMNS": str(COLUMNS),
        "NO_COLOR": "1",
        "TERM": "dumb",
        "LC_ALL": "C.UTF-8",
    }
    done = subprocess.run(
        block.command,
        shell=True,
        check=False,
        cwd=ROOT,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT if block.merge_stderr else subprocess.PIPE,
        text=True,
        encoding="utf-8",
    )
    if done.returncode != block.exit_code:
        said = (done.stderr or done.stdout).strip()
        raise PasteError(
            f"`{block.command}` exited {done.returncode}, expected {block.exit_code} "
            f"(exit={done.returncode} in the marker if that is right):\n{said}"
        )
    return done.stdout


def render(block: Block, output: str) -> list[str]:
    """Compose the fenced block that shows a command and its output."""
    shown = [f"$ {block.command}", *(line.rstrip() for line in output.rstrip("\n").splitlines())]
    longest = max((len(ticks) for ticks in re.findall(r"`{3,}", output)), default=2)
    fence = "`" * (longest + 1)
    return [f"{fence}{block.language or 'console'}", *shown, fence]


def refresh(text: str, runner: Runner, *, rerun_once: bool = False) -> str:
    """Return the document with the output of every command renewed.

    A ``run-once`` block is left as it is unless ``rerun_once``, but it must show its command.
    """
    lines = text.splitlines()
    renewed = []
    # Run in the order of the page, since a command may need what an earlier one made.
    for block in parse(lines):
        if block.once and not rerun_once:
            _expect_its_command(block, lines)
        else:
            renewed.append((block, render(block, runner(block))))
    # Replace from the end, so that the positions of earlier blocks stay true.
    for block, shown in reversed(renewed):
        lines[block.start : block.end] = shown
    return "\n".join(lines) + "\n"


def _expect_its_command(block: Block, lines: list[str]) -> None:
    if lines[block.start + 1] != f"$ {block.command}":
        raise PasteError(
            f"line {block.start + 1}: the block does not show `{block.command}`; run tools/paste_output.py --all"
        )


def documents() -> list[Path]:
    """The documents that may hold markers."""
    return [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")), *sorted((ROOT / "models").glob("*.md"))]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="*", type=Path, metavar="FILES", help="documents to treat")
    parser.add_argument("--check", action="store_true", help="change nothing; exit 1 when an output is out of date")
    parser.add_argument("--all", action="store_true", help="run the run-once blocks too")
    arguments = parser.parse_args()
    stale = 0
    for path in arguments.files or documents():
        text = path.read_text(encoding="utf-8")
        try:
            renewed = refresh(text, run, rerun_once=arguments.all)
        except PasteError as error:
            print(f"{path}: {error}", file=sys.stderr)
            return 1
        if renewed == text:
            continue
        stale += 1
        if arguments.check:
            print(f"{path}: output is out of date; run: python tools/paste_output.py", file=sys.stderr)
        else:
            path.write_text(renewed, encoding="utf-8")
            print(f"renewed {path}")
    return 1 if arguments.check and stale else 0


if __name__ == "__main__":
    sys.exit(main())
