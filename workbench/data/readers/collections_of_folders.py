"""Corpora whose folders are the protocol.

Fake-or-Real (Reimao and Tzerpos 2019), as its archives unpack and as projects read it; its usual mirror puts each
version one folder deeper (`for-rerec/for-rerecorded`).

WaveFake (Frank and Schönherr 2021): `generated_audio`, `LJSpeech-1.1` and `_gen` as in the README and sample data of
RUB-SysSec/WaveFake; the other folders and endings as projects that read it quote them. JSUT's could not be checked.
"""

from __future__ import annotations

import re
from pathlib import Path

from workbench.data.manifest import Manifest, Row
from workbench.data.readers.files import audio_below, finish
from workbench.errors import ManifestError

_FAKE_OR_REAL_SPLITS = {"training": "train", "validation": "dev", "testing": "test"}
_UTTERANCE = re.compile(r"(LJ\d{3}-\d{4}|[A-Z]+\d*_[A-Za-z0-9_]+?\d)(?:_gen|_generated)?$")


def fake_or_real(root: Path, skip_missing: bool = False) -> Manifest:
    """Read `{training,validation,testing}/{real,fake}/`, of any of its versions (for-original, -norm, -2sec, -rerec).

    Speakers and systems are not named in it. The versions hold the same utterances, treated differently.

    Raises
    ------
    ManifestError
        The three parts are not there, or one is empty.
    """
    folders = (root, *sorted(root.glob("for-*")), *sorted(root.glob("for-*/for-*")))
    versions = [folder for folder in folders if (folder / "training").is_dir()]
    if not versions:
        raise ManifestError(f"{root}: expected training/, validation/ and testing/ there, each with real/ and fake/")
    rows = [
        Row(
            path=str(path.relative_to(root)),
            split=split,
            label=label,
            attack_id="-" if label == "bonafide" else "fake-or-real:unknown",
            attack_family="human" if label == "bonafide" else "tts",
            language="en",
            source_repo="fake-or-real",
            source_path=f"{version.name}/{path.name}" if version != root else path.name,
            paired="no",
        )
        for version in versions
        for part, split in _FAKE_OR_REAL_SPLITS.items()
        for folder, label in (("real", "bonafide"), ("fake", "spoof"))
        for path in audio_below(version / part / folder)
    ]
    return finish(rows, root, skip_missing=False)


def wavefake(root: Path, skip_missing: bool = False) -> Manifest:
    """Read `generated_audio/CORPUS_VOCODER/` and, beside it, the corpora that it copies: `LJSpeech-1.1`, `jsut_ver1.1`.

    All on train: split it with the vocoder as a group. Copies are named after the utterance that they copy
    (`LJ001-0001_gen.wav`), which is kept in ``source_path``, so a copy and its original can be paired.

    Raises
    ------
    ManifestError
        A folder is missing or empty.
    """
    rows = []
    generated = root / "generated_audio"
    for path in audio_below(generated):
        folder = path.relative_to(generated).parts[0]
        corpus = "jsut" if folder.startswith("jsut") else "ljspeech"
        copies = not folder.startswith("common_voices")
        rows.append(
            Row(
                path=str(path.relative_to(root)),
                label="spoof",
                attack_id=f"wavefake:{folder.removeprefix(f'{corpus}_')}",
                attack_family="vocoder-copy-synthesis" if copies else "tts",
                speaker_id=corpus,
                language="ja" if corpus == "jsut" else "en",
                source_repo=corpus,
                source_path=_utterance(path.stem),
                paired="yes" if copies else "no",
            )
        )
    for folder, corpus in (("LJSpeech-1.1", "ljspeech"), ("jsut_ver1.1", "jsut")):
        if (root / folder).is_dir():
            rows += [
                Row(
                    path=str(path.relative_to(root)),
                    attack_family="human",
                    speaker_id=corpus,
                    language="ja" if corpus == "jsut" else "en",
                    source_repo=corpus,
                    source_path=path.stem,
                    paired="yes",
                )
                for path in audio_below(root / folder)
            ]
    return finish(rows, root, skip_missing=False)


def _utterance(stem: str) -> str:
    match = _UTTERANCE.match(stem)
    return match[1] if match else stem
