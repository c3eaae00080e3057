"""`edge watch` as a user runs it: real processes, recordings, folders, signals, and a receiver of its alerts."""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
import time
import wave

import pytest
from click.testing import CliRunner

from edge.cli.main import main
from edge.scoring import score_file
from tests.edge.conftest import EXAMPLES, write_wav
from tests.edge.live.conftest import LIMIT_S
from tests.edge.watch.watching import VOICE, drop, events, identity


def test_what_is_dropped_is_scored_as_edge_score_does_and_alerted_once_also_after_a_restart(
    start, folder, receiver, model
):
    first = start("--json", folder)
    drop(folder, "spoof-flite.mp3", "silent.wav", VOICE.name)
    first.until(lambda: len(first.results()) == 3)
    by_name = {os.path.basename(result["path"]): result for result in first.results()}
    for name, result in by_name.items():
        (expected,) = score_file(model, folder / name)
        assert (result["verdict"], result["path"]) == (expected.verdict, str(folder / name))
        assert result["p_bonafide"] == (expected.p_bonafide and pytest.approx(expected.p_bonafide, abs=1e-6))
    first.until(lambda: len(receiver.received) == 2)
    assert first.stop() == 0
    assert first.complaints == ""

    (folder / "archive").mkdir()
    (folder / "spoof-flite.mp3").rename(folder / "archive" / "call.mp3")
    second = start("--json", folder)
    drop(folder, "too-short.wav")
    second.until(second.results)
    assert second.stop() == 0
    assert second.scored() == ["too-short.wav"]
    assert "***.mp3: has the content of a recording that was done before" in second.complaints

    assert receiver.refused == []
    assert len(receiver.received) == 2
    (spoof,) = events(receiver, "spoof").values()
    assert spoof["id"] == identity(EXAMPLES / "spoof-flite.mp3")
    assert (spoof["recording"], spoof["source"]) == ("***.mp3", f"watch:{folder}"), "named after people"
    assert spoof["p_bonafide"] == pytest.approx(by_name["spoof-flite.mp3"]["p_bonafide"], abs=1e-6)
    (silenced,) = events(receiver, "silenced").values()
    assert silenced["id"] == identity(EXAMPLES / "silent.wav")


def write_in_parts(path, content, pause_s, *, closing):
    """Write as a copy over a network does, which closes in between, or as a recorder that does not."""
    at, step = 0, len(content) // 8 + 1
    while at < len(content):
        with open(path, "ab") as file:
            while at < len(content):
                file.write(content[at : at + step])
                file.flush()
                at += step
                time.sleep(pause_s)
                if closing:
                    break


@pytest.mark.parametrize(("settle_s", "pause_s", "closing"), [("2.0", 0.1, True), ("0.1", 0.3, False)])
def test_one_that_grows_slowly_is_scored_once_and_whole(start, folder, model, settle_s, pause_s, closing):
    if not closing and not os.path.isdir("/proc/self/fdinfo"):
        pytest.skip("no /proc with open files here")
    watching = start("--json", folder, "--settle-s", settle_s)
    watching.until((folder.parent / "watch.sqlite").exists)
    path = folder / "call.mp3"
    write_in_parts(path, (EXAMPLES / "spoof-flite.mp3").read_bytes(), pause_s, closing=closing)
    watching.until(watching.results)
    assert watching.stop() == 0
    (result,) = watching.results()
    assert result["duration_s"] == pytest.approx(score_file(model, path)[0].duration_s)
    assert watching.complaints == ""


def test_a_transfer_is_taken_when_it_is_renamed_into_place(start, folder):
    watching = start("--json", folder)
    parts = [folder / "a.mp3.part", folder / ".b.mp3", folder / "c.tmp"]
    for number, part in enumerate(parts):
        part.write_bytes((EXAMPLES / "spoof-flite.mp3").read_bytes() + bytes(number))
    drop(folder, VOICE.name)
    watching.until(watching.results)
    assert watching.scored() == [VOICE.name]
    for part, name in zip(parts, ("a.mp3", "b.mp3", "c.mp3"), strict=True):
        part.rename(folder / name)
    watching.until(lambda: len(watching.results()) == 4)
    assert watching.stop() == 0
    assert sorted(watching.scored()[1:]) == ["a.mp3", "b.mp3", "c.mp3"]


def test_once_passes_over_what_was_there_and_does_what_came_since(start, folder, receiver):
    drop(folder, "spoof-flite.mp3")
    os.utime(folder / "spoof-flite.mp3", (1, 1))
    command = ("--json", "--once", folder)
    first = start(*command, "--existing", "skip")
    assert (first.ends(), first.output) == (0, "")
    assert "passed over 1 recordings that were there before; --existing score takes them too" in first.complaints
    drop(folder, VOICE.name)
    second = start(*command, "--existing", "skip")
    assert (second.ends(), second.scored()) == (0, [VOICE.name])
    third = start(*command, "--existing", "score", "--fail-on", "spoof")
    assert (third.ends(), third.scored()) == (3, ["spoof-flite.mp3"])
    assert list(events(receiver, "spoof")) == [identity(EXAMPLES / "spoof-flite.mp3")], "sent before it ended"


def test_one_that_is_damaged_holds_up_none_and_shows_in_the_exit_code(start, folder, receiver):
    voice = VOICE.read_bytes()
    (folder / "cut.wav").write_bytes(voice[: len(voice) // 2])
    (folder / "letter.mp3").write_text("Dear Sir or Madam,\n" * 100)
    drop(folder, "spoof-flite.mp3", VOICE.name)
    watching = start("--json", "--once", folder)
    assert watching.ends() == 1
    assert sorted(watching.scored()) == sorted(["spoof-flite.mp3", VOICE.name])
    failures = {os.path.basename(item["path"]): item["error"] for item in watching.results() if "error" in item}
    assert sorted(failures) == ["cut.wav", "letter.mp3"]
    assert "truncated: the header promises" in failures["cut.wav"]
    assert failures["letter.mp3"].endswith("attempt 1 of 5, the next in 10 s")
    assert len(watching.complaints.splitlines()) == 2
    assert "cut.wav" not in watching.complaints, "named after people"
    (folder / "cut.wav").write_bytes(voice + bytes(2))
    again = start("--json", "--once", folder, "--fail-on", "spoof")
    assert (again.ends(), again.scored()) == (0, ["cut.wav"]), "neither is a spoof, and the letter waits"
    assert list(events(receiver, "spoof")) == [identity(EXAMPLES / "spoof-flite.mp3")]


def test_the_exit_codes_of_what_cannot_be(start, folder, tmp_path, configure):
    (tmp_path / "bad.toml").write_text("[watch]\nfoldr = ['a']\n")
    (tmp_path / "file.wav").touch()
    cases = [
        ([], 2, "no folder to watch; name some"),
        ([tmp_path / "file.wav"], 2, "a file; expected a folder: `edge score` takes files"),
        ([folder, "--fail-on", "spoof"], 2, "--fail-on needs --once"),
        ([folder, "--config", tmp_path / "bad.toml"], 2, "unknown key foldr; did you mean folders?"),
        ([folder, "--config", tmp_path / "none.toml"], 2, "cannot read the configuration"),
        ([folder, "--poll-s", "0"], 2, "poll_s: expected 0.05 to 3600, got 0"),
        ([folder, "--channel", "middle"], 2, "channel: expected left, right, mix, each or a number from 1"),
        ([folder, "--model", tmp_path / "bad.toml"], 2, "expected a TFLite model"),
        ([folder, "--ledger", tmp_path / "bad.toml"], 1, "move the file away"),
        ([folder, "--ledger", tmp_path / "alerts.sqlite"], 1, "another program's database"),
    ]
    start("--once", folder).ends()
    for arguments, code, said in cases:
        watching = start(*arguments)
        assert (watching.ends(), watching.output) == (code, ""), arguments
        assert said in " ".join(watching.complaints.split()), arguments
        assert "Traceback" not in watching.complaints
    broken = start(folder, env={**configure(), "SECRET": ""})
    assert broken.ends() == 2
    assert "alerts.webhook" in broken.complaints


def test_a_folder_that_is_away_is_alerted_once_with_its_return(start, folder, receiver, tmp_path):
    drop(folder, VOICE.name)
    assert start("--once", folder).ends() == 0
    folder.rename(tmp_path / "away")
    for _ in range(2):
        once = start("--once", folder)
        assert once.ends() == 1
        assert "the folder is away (No such file or directory)" in once.complaints
    watching = start("--json", folder)
    watching.until(lambda: "is away" in watching.complaints)
    (tmp_path / "away").rename(folder)
    drop(folder, "spoof-flite.mp3")
    watching.until(lambda: events(receiver, "spoof"))
    assert watching.stop() == 0
    assert watching.scored() == ["spoof-flite.mp3"]
    assert [body["data"]["kind"] for _, body in receiver.received] == ["source_lost", "source_back", "spoof"]
    assert events(receiver, "source_lost").popitem()[1]["note"] == "No such file or directory"


def test_a_second_process_on_the_same_ledger_is_refused_and_the_first_goes_on(start, folder):
    first = start("--json", folder)
    drop(folder, VOICE.name)
    first.until(first.results)
    second = start("--json", folder)
    assert (second.ends(), second.output) == (1, "")
    assert "end the other `edge watch`, or give this one a ledger of its own with --ledger" in second.complaints
    assert "Traceback" not in second.complaints
    drop(folder, "too-short.wav")
    first.until(lambda: len(first.results()) == 2)
    assert first.stop() == 0


def has_open(process, path):
    """Whether a process has a file open."""
    opened = f"/proc/{process.pid}/fd"
    with_links = (os.path.join(opened, name) for name in os.listdir(opened))
    return any(os.path.realpath(link) == str(path) for link in with_links)


@pytest.fixture
def long_recording(folder, speech):
    """A quarter of an hour, which takes a second or more to read."""
    path = write_wav(folder / "long.wav", speech(10.0, 8000), rate=8000)
    with wave.open(str(path), "rb") as part:
        data = part.readframes(part.getnframes())
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, 8000, 0, "NONE", ""))
        for _ in range(90):
            file.writeframes(data)
    return path


@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="no /proc with open files here")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_in_order_and_what_was_being_read_is_left_for_the_next_start(
    start, folder, long_recording, environment, tmp_path, number
):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        manager.settimeout(LIMIT_S)
        watching = start("--json", folder, env={**environment, "NOTIFY_SOCKET": manager.getsockname()})
        watching.until(lambda: has_open(watching.process, long_recording))
        assert watching.stop(number) == 0
        told = [manager.recv(4096).decode()]
        while told[-1] != "STOPPING=1":
            told.append(manager.recv(4096).decode())
    assert told[0] == "READY=1"
    assert (watching.output, watching.complaints) == ("", "")
    again = start("--json", "--once", folder)
    assert (again.ends(), again.scored()) == (0, ["long.wav"])
    assert again.results()[0]["duration_s"] == 900.0


def test_a_command_hears_of_it_too(start, folder, configure, tmp_path):
    script = tmp_path / "hook.py"
    heard = tmp_path / "heard"
    script.write_text(
        f"import os, sys; open({str(heard)!r}, 'a').write(os.environ['BONAFONE_EVENT_ID'] + sys.stdin.read())"
    )
    more = f"[alerts.command]\nenabled = true\ncommand = [{json.dumps(sys.executable)}, {json.dumps(str(script))}]\n"
    watching = start("--once", folder, env=configure(more))
    drop(folder, "spoof-flite.mp3")
    assert watching.ends() == 0
    expected = identity(EXAMPLES / "spoof-flite.mp3")
    assert heard.read_text().startswith(f'{expected}{{"type":"alert.spoof"')


def test_help_has_an_example():
    shown = CliRunner().invoke(main, ["watch", "--help"])
    assert shown.exit_code == 0
    assert "Example: edge watch ~/Recordings" in shown.output
