"""What `edge watch` prints, where it can be printed, and what becomes of names."""

from __future__ import annotations

import os

import pytest

from tests.edge.conftest import EXAMPLES
from tests.edge.watch.watching import VOICE, drop, events


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full here")
def test_a_result_that_cannot_be_printed_is_alerted_and_printed_by_the_next(start, folder, receiver):
    drop(folder, "spoof-flite.mp3")
    with open("/dev/full", "wb") as full:
        first = start("--json", "--once", folder, stdout=full)
        assert first.ends() == 1
    assert "standard output cannot be written (No space left on device)" in first.complaints
    assert "Traceback" not in first.complaints
    second = start("--json", "--once", folder)
    assert (second.ends(), second.scored()) == (0, ["spoof-flite.mp3"])
    assert len(receiver.received) == 1


def test_a_reader_that_leaves_ends_it_in_order(start, folder):
    """As in ``edge watch --json | head -1``."""
    read, write = os.pipe()
    watching = start("--json", folder, stdout=write)
    os.close(write)
    drop(folder, VOICE.name)
    assert os.read(read, 10)
    os.close(read)
    drop(folder, "too-short.wav")
    assert (watching.ends(), watching.complaints) == (1, "")


def test_names_that_are_no_text_are_watched_printed_and_alerted(start, folder, receiver):
    odd = os.path.join(os.fsencode(folder), b"\xff")
    os.mkdir(odd)
    for number, name in enumerate((b"\xe4.mp3", b"\xf6.wav")):
        with open(os.path.join(odd, name), "wb") as file:
            file.write((EXAMPLES / ("spoof-flite.mp3", "silent.wav")[number]).read_bytes())
    watching = start("--json", os.fsdecode(odd), "--once")
    watching.ends()
    assert "Traceback" not in watching.complaints
    paths = {os.fsencode(result["path"]) for result in watching.results()}
    assert paths == {os.path.join(odd, b"\xe4.mp3"), os.path.join(odd, b"\xf6.wav")}
    (silenced,) = events(receiver, "silenced").values()
    assert silenced["source"] == f"watch:{folder}/\\udcff"


@pytest.mark.parametrize("shown", [True, False])
def test_without_json_there_is_a_table_with_names_only_when_asked(start, folder, shown):
    drop(folder, "spoof-flite.mp3")
    watching = start("--once", folder, *(["--show-names"] if shown else []))
    assert watching.ends() == 0
    header, row = watching.output.splitlines()
    assert header.split() == ["verdict", "p(bona", "fide)", "speech", "length", "recording"]
    assert row.split()[0] == "spoof"
    assert row.endswith(f"  {folder}/spoof-flite.mp3" if shown else "  ***.mp3")
