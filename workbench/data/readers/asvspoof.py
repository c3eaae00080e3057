"""ASVspoof 2019 LA, 2021 LA and DF, and ASVspoof 5 (track 1).

Layouts and protocol columns:

- 2019: Wang et al. 2020, whose table 1 gives the kinds of A01 to A19 and which states that A16 and A19 are the
  algorithms of A04 and A06 once more; lines and kinds were checked against projects that quote them, not the release.
- 2021: the column names in `eval-package/config.py` of the organisers' repository asvspoof-challenge/2021; the key
  files that the repository holds are pointers to large files, so no line was read from the originals.
- 5: the README of the release for the archives; lines and column names as projects that read it quote them. The kinds
  of its attacks A01 to A32 (Wang et al. 2025) could not be checked and are left open.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from workbench.data.manifest import Manifest, Row
from workbench.data.readers.files import find_one, finish, label_of, protocol_lines

_VOICE_CONVERSION_2019 = frozenset({"A05", "A06", "A17", "A18", "A19"})
# Text to speech whose output is then converted to the target voice.
_BOTH_2019 = frozenset({"A13", "A14", "A15"})
_SAME_ALGORITHM_2019 = {"asvspoof2019:A16": "asvspoof2019:A04", "asvspoof2019:A19": "asvspoof2019:A06"}

SUBSETS_2021 = ("progress", "eval", "hidden")


def asvspoof2019_la(root: Path, skip_missing: bool = False) -> Manifest:
    """Read `LA/`: protocols `SPEAKER UTTERANCE - ATTACK KEY`, audio in `ASVspoof2019_LA_{train,dev,eval}/flac`.

    Raises
    ------
    ManifestError
        The layout or a line does not fit, or audio is missing.
    """
    protocols = find_one(root, "ASVspoof2019_LA_cm_protocols", "LA/ASVspoof2019_LA_cm_protocols")
    rows = []
    for part, suffix, split in (
        ("train", "train.trn", "train"),
        ("dev", "dev.trl", "dev"),
        ("eval", "eval.trl", "test"),
    ):
        protocol = find_one(protocols, f"ASVspoof2019.LA.cm.{suffix}.txt")
        audio = protocols.parent.relative_to(root) / f"ASVspoof2019_LA_{part}" / "flac"
        for speaker, utterance, _, attack, key in (fields[:5] for fields in protocol_lines(protocol, 5)):
            label = label_of(key, f"{protocol}: {utterance}")
            rows.append(
                Row(
                    path=str(audio / f"{utterance}.flac"),
                    split=split,
                    label=label,
                    attack_id="-" if label == "bonafide" else f"asvspoof2019:{attack}",
                    attack_family=_family_2019(attack, label),
                    speaker_id=f"asvspoof2019:{speaker}",
                    language="en",
                    source_repo="asvspoof2019-la",
                    source_path=utterance,
                    paired="yes",
                )
            )
    return _mark_same_algorithm(finish(rows, root, skip_missing))


def _mark_same_algorithm(manifest: Manifest) -> Manifest:
    trained = {row.attack_id for row in manifest.rows if row.split == "train"}
    return replace(
        manifest,
        rows=tuple(
            replace(row, attack_seen_in_train="yes") if _SAME_ALGORITHM_2019.get(row.attack_id) in trained else row
            for row in manifest.rows
        ),
    )


def asvspoof2021_la(root: Path, skip_missing: bool = False, subset: str | None = None) -> Manifest:
    """Read 2021 LA, all of it test: `SPEAKER UTTERANCE CODEC TRANSMISSION ATTACK KEY TRIM SUBSET`.

    ``subset`` keeps one of `SUBSETS_2021`; the challenge is scored on ``eval``.

    Raises
    ------
    ManifestError
        The layout or a line does not fit, or audio is missing.
    """
    return finish(_rows_2021(root, "LA", subset), root, skip_missing)


def asvspoof2021_df(root: Path, skip_missing: bool = False, subset: str | None = None) -> Manifest:
    """Read 2021 DF, all of it test: `SPEAKER UTTERANCE CODEC SOURCE ATTACK KEY TRIM SUBSET VOCODER …`.

    ``subset`` keeps one of `SUBSETS_2021`; the challenge is scored on ``eval``. What SOURCE says is from a Voice
    Conversion Challenge (`vcc2018`, `vcc2020`) counts as voice conversion.

    Raises
    ------
    ManifestError
        The layout or a line does not fit, or audio is missing.
    """
    return finish(_rows_2021(root, "DF", subset), root, skip_missing)


def _rows_2021(root: Path, track: str, wanted: str | None) -> Iterator[Row]:
    keys = find_one(
        root,
        f"keys/{track}/CM/trial_metadata.txt",
        f"{track}-keys-full/keys/{track}/CM/trial_metadata.txt",
        "keys/CM/trial_metadata.txt",
        "trial_metadata.txt",
    )
    # DF comes in four archives, which some unpack side by side.
    folders = [root / f"ASVspoof2021_{track}_eval" / "flac", root / "flac"]
    folders += sorted(root.glob(f"ASVspoof2021_{track}_eval_part*/**/flac"))
    present = {path.stem: path.relative_to(root) for folder in folders if folder.is_dir() for path in folder.iterdir()}
    for speaker, utterance, codec, origin, attack, key, _, subset in (f[:8] for f in protocol_lines(keys, 8)):
        if wanted not in (None, subset):
            continue
        label = label_of(key, f"{keys}: {utterance}")
        converted = label == "spoof" and origin.startswith("vcc")
        yield Row(
            path=str(present.get(utterance, Path(f"ASVspoof2021_{track}_eval/flac/{utterance}.flac"))),
            split="test",
            label=label,
            attack_id="-" if label == "bonafide" else f"asvspoof2021:{attack}",
            attack_family="voice-conversion" if converted else _family_2019(attack, label),
            speaker_id=f"asvspoof2021:{speaker}",
            language="en",
            source_repo=f"asvspoof2021-{track.lower()}",
            # What a channel did to the clip, and which of progress, eval and hidden it is in.
            source_path=f"{subset}/{origin}/{codec}/{utterance}",
            paired="yes",
        )


def asvspoof5(root: Path, skip_missing: bool = False) -> Manifest:
    """Read ASVspoof 5: `SPEAKER FILE GENDER CODEC Q SEED TAG ATTACK KEY TMP`, split by white space despite `.tsv`.

    Audio in `flac_T`, `flac_D` and `flac_E_eval`. Speakers are MLS readers, the same conditions for both classes.

    Raises
    ------
    ManifestError
        The layout or a line does not fit, or audio is missing.
    """
    parts = (
        ("ASVspoof5.train.tsv", "flac_T", "train"),
        ("ASVspoof5.dev.track_1.tsv", "flac_D", "dev"),
        ("ASVspoof5.eval.track_1.tsv", "flac_E_eval", "test"),
    )
    rows = []
    for name, folder, split in parts:
        protocol = find_one(root, name, f"ASVspoof5_protocols/{name}")
        for speaker, file, _, codec, _, _, _, attack, key in (f[:9] for f in protocol_lines(protocol, 9)):
            if file == "FLAC_FILE_NAME":  # some copies carry a header
                continue
            label = label_of(key, f"{protocol}: {file}")
            rows.append(
                Row(
                    path=f"{folder}/{file}.flac",
                    split=split,
                    label=label,
                    attack_id="-" if label == "bonafide" else f"asvspoof5:{attack}",
                    attack_family="human" if label == "bonafide" else "-",
                    speaker_id=f"asvspoof5:{speaker}",
                    language="en",
                    source_repo="asvspoof5",
                    source_path=f"{codec}/{file}",
                    paired="yes",
                )
            )
    return finish(rows, root, skip_missing)


def _family_2019(attack: str, label: str) -> str:
    if label == "bonafide":
        return "human"
    if attack in _VOICE_CONVERSION_2019:
        return "voice-conversion"
    if attack in _BOTH_2019:
        return "tts+voice-conversion"
    return "tts" if attack.startswith("A") and attack[1:].isdecimal() and 1 <= int(attack[1:]) <= 19 else "-"
