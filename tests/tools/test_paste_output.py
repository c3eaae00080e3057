from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import paste_output
import pytest
from paste_output import PasteError, parse, refresh

DOCUMENT = """\
Before.

<!-- run: say hello -->
```console
$ say hello
stale
```

After.
"""


def echo(block):
    return f"output of {block.command}\n"


def never(block):
    raise AssertionError(f"{block.command} must not run")


def document(marker, *body, fence="```"):
    return "\n".join([marker, f"{fence}console", *body, fence, ""])


def test_the_block_after_a_marker_shows_the_command_and_its_output():
    assert refresh(DOCUMENT, echo) == DOCUMENT.replace("stale", "output of say hello")


def test_a_current_document_stays_byte_for_byte():
    current = refresh(DOCUMENT, echo)
    assert refresh(current, echo) == current


def test_several_blocks_grow_and_shrink_without_disturbing_each_other():
    text = document("<!-- run: first -->") + document("<!-- run: second -->", "$ second", "a", "b", "c")
    renewed = refresh(text, lambda block: "1\n2\n3\n" if block.command == "first" else "")
    assert renewed == (
        document("<!-- run: first -->", "$ first", "1", "2", "3") + document("<!-- run: second -->", "$ second")
    )


def test_commands_run_in_the_order_of_the_page():
    """A later command may need what an earlier one made."""
    ran = []
    refresh(document("<!-- run: first -->") + document("<!-- run: second -->"), lambda b: ran.append(b.command) or "")
    assert ran == ["first", "second"]


def test_trailing_blanks_are_dropped_and_blank_lines_kept():
    renewed = refresh(document("<!-- run: x -->"), lambda _: "a  \n\nb\n\n")
    assert renewed == document("<!-- run: x -->", "$ x", "a", "", "b")


def test_output_that_holds_a_fence_gets_a_longer_one():
    renewed = refresh(document("<!-- run: x -->"), lambda _: "```\n")
    assert renewed == document("<!-- run: x -->", "$ x", "```", fence="````")


def test_a_marker_inside_a_code_block_is_only_text():
    text = "```text\n<!-- run: x -->\n```\n"
    assert parse(text.splitlines()) == []
    assert refresh(text, never) == text


def test_other_comments_are_no_markers():
    assert parse(["<!-- runner: x -->", "<!-- a run: x -->"]) == []


def test_run_once_keeps_its_output_unless_all_are_rerun():
    text = document("<!-- run-once: train -->", "$ train", "took an hour")
    assert refresh(text, never) == text
    assert refresh(text, echo, rerun_once=True) == text.replace("took an hour", "output of train")


def test_run_once_must_show_its_command():
    with pytest.raises(PasteError) as error:
        refresh(document("<!-- run-once: train -->", "$ train --old"), never)
    assert str(error.value) == "line 2: the block does not show `train`; run tools/paste_output.py --all"


def test_options_stand_between_run_and_the_colon():
    (block,) = parse(document("<!-- run exit=3 stderr: score a:b -->").splitlines())
    assert (block.command, block.exit_code, block.merge_stderr, block.once) == ("score a:b", 3, True, False)
    (block,) = parse(document("<!-- run-once: x -->").splitlines())
    assert (block.exit_code, block.merge_stderr, block.once) == (0, False, True)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            document("<!-- run quietly: x -->"),
            "line 1: unknown option 'quietly'; expected stderr or exit=NUMBER",
        ),
        ("<!-- run: x -->\n\ntext\n", "line 1: no fenced block follows the marker; put an empty one there"),
        ("<!-- run: x -->\n", "line 1: no fenced block follows the marker; put an empty one there"),
        ("<!-- run: x -->\n```\n$ x\n", "line 2: the fenced block has no end"),
    ],
)
def test_a_broken_marker_says_where_and_what_to_do(text, message):
    with pytest.raises(PasteError) as error:
        parse(text.splitlines())
    assert str(error.value) == message


def block(command, options=""):
    (found,) = parse(document(f"<!-- run{options}: {command} -->").splitlines())
    return found


def test_only_stdout_is_shown_unless_the_marker_asks_for_both():
    assert paste_output.run(block("echo out; echo err >&2")) == "out\n"
    assert paste_output.run(block("echo out; echo err >&2", " stderr")) == "out\nerr\n"


def test_another_exit_code_than_expected_is_an_error_that_shows_what_was_said():
    assert paste_output.run(block("echo found; exit 3", " exit=3")) == "found\n"
    with pytest.raises(PasteError) as error:
        paste_output.run(block("echo no such file >&2; exit 2"))
    assert str(error.value) == (
        "`echo no such file >&2; exit 2` exited 2, expected 0 (exit=2 in the marker if that is right):\nno such file"
    )


def test_commands_run_in_the_root_with_a_fixed_width_and_this_environments_programs():
    assert paste_output.run(block("pwd; echo $COLUMNS $NO_COLOR")) == f"{paste_output.ROOT}\n100 1\n"
    found = paste_output.run(block("command -v python")).strip()
    assert Path(found).parent == Path(sys.executable).parent


def tool(*arguments):
    program = paste_output.ROOT / "tools" / "paste_output.py"
    return subprocess.run([sys.executable, program, *arguments], capture_output=True, text=True, check=False)


def test_check_reports_a_stale_file_and_leaves_it(tmp_path):
    path = tmp_path / "page.md"
    stale = document("<!-- run: echo new -->", "$ echo new", "old")
    path.write_text(stale)
    done = tool("--check", path)
    assert done.returncode == 1
    assert done.stderr == f"{path}: output is out of date; run: python tools/paste_output.py\n"
    assert path.read_text() == stale

    done = tool(path)
    assert (done.returncode, done.stdout) == (0, f"renewed {path}\n")
    assert path.read_text() == document("<!-- run: echo new -->", "$ echo new", "new")
    assert tool("--check", path).returncode == 0


def test_a_failing_command_exits_1_and_leaves_the_file(tmp_path):
    path = tmp_path / "page.md"
    path.write_text(document("<!-- run: exit 4 -->", "$ exit 4"))
    done = tool(path)
    assert done.returncode == 1
    assert done.stderr.startswith(f"{path}: `exit 4` exited 4, expected 0")
    assert path.read_text() == document("<!-- run: exit 4 -->", "$ exit 4")
