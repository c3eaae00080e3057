"""`edge watch`: recordings, folders, signals, what it prints, and a receiver of its alerts."""

from __future__ import annotations

import os
import signal
import socket
import wave

import pytest

from edge.errors import ConfigError
from edge.scoring import score_file
from edge.settings import build_settings
from edge.watch.settings import WatchSettings
from tests.edge.conftest import EXAMPLES, write_wav
from tests.edge.harness import LIMIT_S, run_edge
from tests.edge.watch.watching import VOICE, drop, events, identity


def test_what_is_dropped_is_scored_as_edge_score_does_and_alerted_once_also_after_a_restart(
    start, folder, receiver, model
):
    first = start("--json", folder)
    drop(folder, "spoof-flite.mp3", "silent.wav", VOICE.name)
    first.until(lambda: len(first.results) == 3)
    by_name = {os.path.basename(result["path"]): result for result in first.results}
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
    second.until(lambda: second.results)
    assert second.stop() == 0
    assert second.scored() == ["too-short.wav"]
    assert "***.mp3: has the content of a recording that was done before" in second.complaints
    assert second.complaints.count("--show-names shows them") == 1

    assert receiver.refused == []
    assert len(receiver.received) == 2
    (spoof,) = events(receiver, "spoof").values()
    assert spoof["id"] == identity(EXAMPLES / "spoof-flite.mp3")
    assert (spoof["recording"], spoof["source"]) == ("***.mp3", f"watch:{folder}"), "named after people"
    assert spoof["p_bonafide"] == pytest.approx(by_name["spoof-flite.mp3"]["p_bonafide"], abs=1e-6)
    (silenced,) = events(receiver, "silenced").values()
    assert silenced["id"] == identity(EXAMPLES / "silent.wav")


def test_once_passes_over_what_was_there_and_does_what_came_since(once, folder, receiver):
    drop(folder, "spoof-flite.mp3")
    os.utime(folder / "spoof-flite.mp3", (1, 1))
    command = (folder, "--existing", "skip", "--fail-on", "spoof")
    first = once(*command)
    assert (first.code, first.results) == (0, [])
    assert "passed over 1 recordings that were there before; --existing score includes them" in first.complaints
    drop(folder, VOICE.name)
    second = once(*command)
    assert (second.code, second.scored()) == (0, [VOICE.name])
    third = once(*command, "--existing", "score")
    assert (third.code, third.scored()) == (3, ["spoof-flite.mp3"])
    assert list(events(receiver, "spoof")) == [identity(EXAMPLES / "spoof-flite.mp3")], "sent before it ended"


def test_one_that_is_damaged_holds_up_none_and_shows_in_the_exit_code(once, folder, receiver):
    voice = VOICE.read_bytes()
    (folder / "cut.wav").write_bytes(voice[: len(voice) // 2])
    (folder / "letter.mp3").write_text("Dear Sir or Madam,\n" * 100)
    drop(folder, "spoof-flite.mp3", VOICE.name)
    first = once(folder)
    assert first.code == 1
    assert sorted(first.scored()) == sorted(["spoof-flite.mp3", VOICE.name])
    failures = {os.path.basename(item["path"]): item["error"] for item in first.results if "error" in item}
    assert sorted(failures) == ["cut.wav", "letter.mp3"]
    assert "truncated: the header promises" in failures["cut.wav"]
    assert failures["letter.mp3"].endswith("attempt 1 of 5, the next in 10 s")
    assert first.complaints.count("Error: ***") == 2
    assert "cut.wav" not in first.complaints, "named after people"
    (folder / "cut.wav").write_bytes(voice + bytes(2))
    again = once(folder, "--fail-on", "spoof")
    assert (again.code, again.scored()) == (0, ["cut.wav"]), "neither is a spoof, and the letter waits"
    assert list(events(receiver, "spoof")) == [identity(EXAMPLES / "spoof-flite.mp3")]


def test_without_a_channel_it_says_that_nothing_is_sent_now_or_later(once, folder, receiver, tmp_path):
    (tmp_path / "none.toml").write_text(f'[alerts]\noutbox = "{tmp_path}/alerts.sqlite"\n')
    drop(folder, "spoof-flite.mp3")
    ledger = ("--ledger", tmp_path / "watch.sqlite", "--settle-s", "0")
    done = once(folder, "--config", tmp_path / "none.toml", "--existing", "score", *ledger)
    assert done.scored() == ["spoof-flite.mp3"]
    assert done.complaints.count("no alert channel is on: nothing will be sent, also not later for what is scored") == 1
    again = once(folder, "--existing", "score", "--ledger", tmp_path / "other.sqlite")
    assert again.scored() == ["spoof-flite.mp3"]
    assert "***.mp3: its alert is in the outbox already and is not sent again; see `edge events`" in again.complaints
    assert receiver.received == []


def test_without_json_there_is_a_table_with_names_only_when_asked(once, folder):
    for name, options in (("spoof-flite.mp3", ["--show-names"]), (VOICE.name, [])):
        drop(folder, name)
        done = once(folder, *options, as_json=False)
        header, row = done.results
        assert header.split() == ["verdict", "p(bona", "fide)", "speech", "length", "recording"]
        assert row.endswith(f"  {folder}/{name}" if options else f"  ***{os.path.splitext(name)[1]}")
        assert ("--show-names shows them" in done.complaints) == (not options)


def test_the_exit_codes_of_what_cannot_be(once, folder, tmp_path, configure):
    (tmp_path / "bad.toml").write_text("[watch]\nfoldr = ['a']\n")
    (tmp_path / "file.wav").touch()
    once(folder)
    for arguments, code, said in [
        ([], 2, "no folder to watch; name some"),
        ([tmp_path / "file.wav"], 2, "a file; expected a folder: `edge score` scores files"),
        ([folder, "--config", tmp_path / "bad.toml"], 2, "unknown key foldr; did you mean folders?"),
        ([folder, "--config", tmp_path / "none.toml"], 2, "cannot read the configuration"),
        ([folder, "--poll-s", "0"], 2, "poll_s: expected 0.05 to 3600, got 0"),
        ([folder, "--channel", "middle"], 2, "channel: expected left, right, mix, each or a number from 1"),
        ([folder, "--model", tmp_path / "bad.toml"], 2, "expected a TFLite model"),
        ([folder, "--ledger", tmp_path / "bad.toml"], 1, "move the file away"),
        ([folder, "--ledger", tmp_path / "alerts.sqlite"], 1, "another program's database"),
    ]:
        done = once(*arguments)
        assert (done.code, done.results) == (code, []), arguments
        assert said in " ".join(done.complaints.split()), arguments
    broken = once(folder, env={**configure(), "SECRET": ""})
    assert broken.code == 2
    assert "alerts.webhook" in broken.complaints
    service = run_edge("watch", folder, "--fail-on", "spoof", env=None)
    assert (service.code, "--fail-on needs --once" in service.complaints) == (2, True)


def test_a_table_that_does_not_fit_is_refused_with_the_reason():
    for table, said in [
        ({"settle_s": -1.0}, "settle_s: expected 0 to 3600, got -1"),
        ({"attempts": 0}, "attempts: expected 1 to 100"),
        ({"lost_after_s": float("nan")}, "lost_after_s: expected"),
        ({"channel": "0"}, "channel: expected left, right, mix, each or a number from 1; got '0'"),
        ({"existing": "all"}, "existing: expected skip or score, got 'all'"),
        ({"ledger": ""}, "ledger: empty"),
        ({"folders": ["a", ""]}, "folders: one of them is empty"),
    ]:
        with pytest.raises(ConfigError, match=f"watch[.:].*{said}"):
            build_settings(WatchSettings, table, "watch")


def test_a_folder_that_is_away_fails_once_and_is_alerted_once_with_its_return(once, folder, receiver, tmp_path):
    assert once(folder).code == 0
    folder.rename(tmp_path / "away")
    for _ in range(2):
        done = once(folder)
        assert done.code == 1
        assert "the folder is away (No such file or directory)" in done.complaints
    (tmp_path / "away").rename(folder)
    drop(folder, "spoof-flite.mp3")
    assert once(folder).scored() == ["spoof-flite.mp3"]
    assert [body["data"]["kind"] for _, body in receiver.received] == ["source_lost", "source_back", "spoof"]
    assert events(receiver, "source_lost").popitem()[1]["note"] == "No such file or directory"


def has_open(process, path):
    """Whether a process has a file open."""
    opened = f"/proc/{process.pid}/fd"
    with_links = (os.path.join(opened, name) for name in os.listdir(opened))
    return any(os.path.realpath(link) == str(path) for link in with_links)


@pytest.fixture
def long_recording(folder, speech):
    """Two minutes, which take a second or more to score."""
    path = write_wav(folder / "long.wav", speech(10.0, 8000), rate=8000)
    with wave.open(str(path), "rb") as part:
        data = part.readframes(part.getnframes())
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, 8000, 0, "NONE", ""))
        for _ in range(12):
            file.writeframes(data)
    return path


@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="no /proc with open files here")
@pytest.mark.parametrize("number", [signal.SIGTERM, pytest.param(signal.SIGINT, marks=pytest.mark.slow)])
def test_a_signal_ends_in_order_and_what_was_being_read_is_left_for_the_next_start(
    start, once, folder, long_recording, environment, tmp_path, number
):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        manager.settimeout(LIMIT_S)
        watching = start("--json", folder, env={**environment, "NOTIFY_SOCKET": manager.getsockname()})
        watching.until(lambda: has_open(watching.process, long_recording))
        assert watching.stop(number) == 0
        sent = [manager.recv(4096).decode()]
        while sent[-1] != "STOPPING=1":
            sent.append(manager.recv(4096).decode())
    assert sent[0] == "READY=1"
    assert (watching.output, watching.complaints) == ("", "")
    again = once(folder)
    assert (again.code, again.scored()) == (0, ["long.wav"])
    assert again.results[0]["duration_s"] == 120.0


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full here")
def test_a_result_that_cannot_be_printed_is_alerted_and_printed_by_the_next(start, once, folder, receiver):
    drop(folder, "spoof-flite.mp3")
    with open("/dev/full", "wb") as full:
        first = start("--json", "--once", folder, stdout=full)
        assert first.ends() == 1
    assert "standard output cannot be written (No space left on device)" in first.complaints
    assert "Traceback" not in first.complaints
    second = once(folder)
    assert (second.code, second.scored()) == (0, ["spoof-flite.mp3"])
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


def test_names_that_are_no_text_are_watched_printed_and_alerted(once, folder, receiver):
    odd = os.path.join(os.fsencode(folder), b"\xff")
    os.mkdir(odd)
    for number, name in enumerate((b"\xe4.mp3", b"\xf6.wav")):
        with open(os.path.join(odd, name), "wb") as file:
            file.write((EXAMPLES / ("spoof-flite.mp3", "silent.wav")[number]).read_bytes())
    paths = {os.fsencode(result["path"]) for result in once(os.fsdecode(odd)).results}
    assert paths == {os.path.join(odd, b"\xe4.mp3"), os.path.join(odd, b"\xf6.wav")}
    (silenced,) = events(receiver, "silenced").values()
    assert silenced["source"] == f"watch:{folder}/\\udcff"
    assert once(os.fsdecode(odd)).results == [], "they are done"
