"""The corpus can be made anew from its list, from any server that serves the originals."""

from __future__ import annotations

import http.server
import threading
import urllib.parse
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
from click.testing import CliRunner

from workbench.cli.main import main
from workbench.data.manifest import Manifest, Row, read_manifest, write_manifest
from workbench.data.rebuild import build_corpus, cut_clip, decode_original, git_blob_sha1, read_list
from workbench.errors import ManifestError

CORPUS = Path(__file__).parents[4] / "shared" / "corpus"


@pytest.fixture
def server():
    """A server of originals: ``files`` by path, ``asked`` in order, ``url`` as a template."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.server.asked.append(self.path)
            data = self.server.files.get(urllib.parse.unquote(self.path))
            if urllib.parse.unquote(self.path) in self.server.broken:
                self.wfile.write(b"no HTTP\r\n\r\n")
                return
            self.send_response(404 if data is None else 200)
            self.end_headers()
            self.wfile.write(data or b"")

        def log_message(self, *_args):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.files, server.broken, server.asked = {}, set(), []
        server.url = f"http://127.0.0.1:{server.server_port}/{{repo}}/{{commit}}/{{path}}"
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


@pytest.fixture
def original(tmp_path, rng):
    """Six seconds at 22.05 kHz, of which the last five are loud."""
    samples = 0.3 * rng.standard_normal(6 * 22050)
    samples[:22050] *= 1e-3
    file = tmp_path / "original.wav"
    soundfile.write(file, samples, 22050)
    return file.read_bytes()


def row(data, name="clip", **changes):
    found = Row(
        f"dev/bonafide/{name}.flac", "dev", source_repo="some one/pages", source_commit="c0ffee",
        source_path=f"audio/{name} 1.wav", source_blob=git_blob_sha1(data), duration_s="4.00",
    )  # fmt: skip
    return replace(found, **changes)


def serve(server, data, row):
    server.files[f"/{row.source_repo}/{row.source_commit}/{row.source_path}"] = data


def test_a_clip_is_the_busiest_four_seconds_without_mean_at_a_peak_of_nine_tenths(server, original, tmp_path):
    wanted = row(original)
    serve(server, original, wanted)
    assert build_corpus([wanted], tmp_path / "out", url=server.url) == []
    samples, rate = soundfile.read(tmp_path / "out" / wanted.path, dtype="int16")
    assert (rate, len(samples)) == (16000, 64000)
    assert np.abs(samples).max() == round(0.9 * 2048) * 16
    assert (samples % 16 == 0).all()
    # From 1 s on every frame is loud: the first such window begins there.
    decoded = decode_original(original)[16000:80000]
    assert np.corrcoef(decoded, samples)[0, 1] > 0.9999
    assert read_manifest(tmp_path / "out" / "manifest.tsv").rows == (wanted,)


def test_train_clips_are_three_seconds(original):
    assert len(cut_clip(decode_original(original), short=True)) == 48000


def test_what_is_gone_or_changed_is_listed_and_the_rest_is_made(server, original, tmp_path):
    good, gone, changed = (row(original, name) for name in ("good", "gone", "changed"))
    no_audio = row(b"<html>", "page")
    serve(server, original, good)
    serve(server, original + b"\0", changed)
    serve(server, b"<html>", no_audio)
    failures = {
        item.path: item.reason for item in build_corpus([good, gone, changed, no_audio], tmp_path, url=server.url)
    }
    assert set(failures) == {gone.path, changed.path, no_audio.path}
    assert "404" in failures[gone.path]
    assert f"expected {changed.source_blob}" in failures[changed.path]
    assert "not audio" in failures[no_audio.path]
    assert read_manifest(tmp_path / "manifest.tsv").rows == (good,)


def test_an_answer_that_is_no_http_costs_its_clip_alone(server, original, tmp_path):
    rows = [row(original, name) for name in ("broken", "good")]
    serve(server, original, rows[1])
    server.broken.add(f"/{rows[0].source_repo}/{rows[0].source_commit}/{rows[0].source_path}")
    assert [item.path for item in build_corpus(rows, tmp_path, url=server.url)] == [rows[0].path]
    assert (tmp_path / rows[1].path).exists()


def test_a_build_goes_on_where_it_was(server, original, tmp_path):
    rows = [row(original, name) for name in ("a", "b")]
    serve(server, original, rows[0])
    assert [item.path for item in build_corpus(rows, tmp_path, url=server.url)] == [rows[1].path]
    serve(server, original, rows[1])
    server.asked.clear()
    assert build_corpus(rows, tmp_path, url=server.url) == []
    assert server.asked == ["/some%20one/pages/c0ffee/audio/b%201.wav"]


def test_a_template_without_the_three_names_and_a_list_without_originals_are_refused(original, tmp_path):
    with pytest.raises(ManifestError, match=r"lacks \{commit\}"):
        build_corpus([row(original)], tmp_path, url="http://127.0.0.1/{repo}/{path}")
    with pytest.raises(ManifestError, match="does not fit"):
        build_corpus([row(original)], tmp_path, url="http://127.0.0.1/{repo}/{commit}/{path}{other}")
    with pytest.raises(ManifestError, match="below the corpus' folder"):
        build_corpus([row(original, path="../out.flac")], tmp_path)
    with pytest.raises(ManifestError, match="names no original"):
        build_corpus([row(original, source_blob="-")], tmp_path)


def test_the_command_builds_a_split_and_names_what_is_gone(server, original, tmp_path):
    good, gone, other = (
        row(original),
        row(original, "gone"),
        row(original, "other", path="test/other.flac", split="test"),
    )
    serve(server, original, good)
    write_manifest(Manifest((good, gone, other), tmp_path), tmp_path / "list.tsv")
    command = [
        "corpus",
        "build",
        str(tmp_path / "list.tsv"),
        str(tmp_path / "out"),
        "--split",
        "dev",
        "--url",
        server.url,
    ]
    result = CliRunner().invoke(main, command)
    assert result.exit_code == 1
    assert "1 of 2 clips" in result.stdout
    assert gone.path in result.stderr
    serve(server, original, gone)
    assert CliRunner().invoke(main, command).exit_code == 0


def test_the_shipped_list_names_an_original_for_every_clip():
    rows = read_list("second-edition")
    assert len(rows) == 6008
    assert {len(entry.source_blob) for entry in rows} == {40}
    with pytest.raises(ManifestError, match="second-edition"):
        read_list("third-edition")


@pytest.mark.corpus
@pytest.mark.skipif(not CORPUS.exists(), reason="the audio corpus is not part of the repository and not beside it")
def test_clips_of_the_corpus_are_cut_to_themselves_bit_for_bit():
    """A clip that this edition cut is its own busiest window, at its own peak: the cut is the identity on it."""
    compared = 0
    for entry in read_manifest(CORPUS / "manifest.tsv").select(split="dev").rows[::20]:
        data = (CORPUS / entry.path).read_bytes()
        clip, _ = soundfile.read(CORPUS / entry.path, dtype="int16")
        # Clips of the first edition were rounded otherwise, and peak a step lower.
        if np.abs(clip.astype(int)).max() == round(0.9 * 2048) * 16:
            assert np.array_equal(cut_clip(decode_original(data), short=False), clip), entry.path
            compared += 1
    assert compared > 20
