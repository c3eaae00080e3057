"""The ASVspoof editions, each in a small tree of the shape in which it is published."""

from __future__ import annotations

import pytest

from workbench.data.readers import LAYOUTS, read_layout
from workbench.data.readers.files import save_manifest
from workbench.errors import ManifestError

PROTOCOLS_2019 = {
    "ASVspoof2019_LA_cm_protocols/ASVspoof2019.LA.cm.train.trn.txt": "LA_0079 LA_T_1 - - bonafide\nLA_0080 LA_T_2 - A05 spoof\n",
    "ASVspoof2019_LA_cm_protocols/ASVspoof2019.LA.cm.dev.trl.txt": "LA_0069 LA_D_1 - A05 spoof\n",
    "ASVspoof2019_LA_cm_protocols/ASVspoof2019.LA.cm.eval.trl.txt": "LA_0039 LA_E_1 - A15 spoof\nLA_0014 LA_E_2 - - bonafide\n",
}
FILES_2019 = [
    f"ASVspoof2019_LA_{part}/flac/{name}.flac"
    for part, name in (
        ("train", "LA_T_1"),
        ("train", "LA_T_2"),
        ("dev", "LA_D_1"),
        ("eval", "LA_E_1"),
        ("eval", "LA_E_2"),
    )
]


@pytest.mark.parametrize("above", ["", "LA/"])
def test_asvspoof2019_la(tree, above, facts):
    root = tree([above + f for f in FILES_2019], {above + n: t for n, t in PROTOCOLS_2019.items()})
    found = facts(
        LAYOUTS["asvspoof2019-la"](root, False), "split", "label", "attack_id", "attack_family", "attack_seen_in_train"
    )
    files = [above + f for f in FILES_2019]
    assert found == {
        files[0]: ("train", "bonafide", "-", "human", "-"),
        files[1]: ("train", "spoof", "asvspoof2019:A05", "voice-conversion", "yes"),
        files[2]: ("dev", "spoof", "asvspoof2019:A05", "voice-conversion", "yes"),
        files[3]: ("test", "spoof", "asvspoof2019:A15", "tts+voice-conversion", "no"),
        files[4]: ("test", "bonafide", "-", "human", "-"),
    }


def test_missing_audio_is_counted_and_named_or_skipped(tree):
    root = tree(FILES_2019[:-1], PROTOCOLS_2019)
    with pytest.raises(ManifestError, match=r"1 of 5 recordings of the protocol are missing.*--skip-missing") as caught:
        LAYOUTS["asvspoof2019-la"](root, False)
    assert FILES_2019[-1] in str(caught.value)
    assert len(LAYOUTS["asvspoof2019-la"](root, True).rows) == 4


def test_no_audio_at_all_is_refused_even_when_skipping(tree):
    root = tree([], PROTOCOLS_2019)
    with pytest.raises(ManifestError, match="none of the protocol's 5 recordings is there"):
        LAYOUTS["asvspoof2019-la"](root, True)


def test_a_short_protocol_line_is_named_by_its_number(tree):
    name = "ASVspoof2019_LA_cm_protocols/ASVspoof2019.LA.cm.train.trn.txt"
    root = tree(FILES_2019, {**PROTOCOLS_2019, name: "LA_0079 LA_T_1 - - bonafide\nLA_0080 LA_T_2 spoof\n"})
    with pytest.raises(ManifestError, match="line 2: expected 5 fields, got 3"):
        LAYOUTS["asvspoof2019-la"](root, False)


def test_an_unknown_label_is_refused(tree):
    name = "ASVspoof2019_LA_cm_protocols/ASVspoof2019.LA.cm.train.trn.txt"
    root = tree(FILES_2019, {**PROTOCOLS_2019, name: "LA_0079 LA_T_1 - - genuine\n"})
    with pytest.raises(ManifestError, match="expected a label bonafide or spoof, got 'genuine'"):
        LAYOUTS["asvspoof2019-la"](root, False)


def test_asvspoof2021_la(tree, facts):
    root = tree(
        ["ASVspoof2021_LA_eval/flac/LA_E_9332881.flac", "ASVspoof2021_LA_eval/flac/LA_E_6866159.flac"],
        {
            "keys/LA/CM/trial_metadata.txt": "LA_0009 LA_E_9332881 alaw ita_tx A07 spoof notrim eval\n"
            "LA_0020 LA_E_6866159 gsm pstn bonafide bonafide notrim progress\n"
        },
    )
    assert facts(LAYOUTS["asvspoof2021-la"](root, False), "split", "label", "attack_id", "source_path") == {
        "ASVspoof2021_LA_eval/flac/LA_E_9332881.flac": (
            "test",
            "spoof",
            "asvspoof2021:A07",
            "eval/ita_tx/alaw/LA_E_9332881",
        ),
        "ASVspoof2021_LA_eval/flac/LA_E_6866159.flac": ("test", "bonafide", "-", "progress/pstn/gsm/LA_E_6866159"),
    }


@pytest.mark.parametrize(
    "folder", ["ASVspoof2021_DF_eval/flac", "ASVspoof2021_DF_eval_part01/ASVspoof2021_DF_eval/flac"]
)
def test_asvspoof2021_df_whole_or_in_parts(tree, folder, facts):
    root = tree(
        [f"{folder}/DF_E_2000011.flac", f"{folder}/DF_E_2000013.flac"],
        {
            "keys/DF/CM/trial_metadata.txt": "LA_0023 DF_E_2000011 nocodec asvspoof A14 spoof notrim progress "
            "traditional_vocoder - - - -\nTEF2 DF_E_2000013 low_m4a vcc2020 Task1-team20 spoof notrim eval "
            "neural_vocoder_nonautoregressive Task1 team20 FF E\n"
        },
    )
    assert facts(LAYOUTS["asvspoof2021-df"](root, False), "attack_id", "attack_family") == {
        f"{folder}/DF_E_2000011.flac": ("asvspoof2021:A14", "tts+voice-conversion"),
        f"{folder}/DF_E_2000013.flac": ("asvspoof2021:Task1-team20", "voice-conversion"),
    }


def test_asvspoof5(tree, facts):
    root = tree(
        ["flac_T/T_0000000000.flac", "flac_D/D_0000000001.flac", "flac_E_eval/E_0000000002.flac"],
        {
            "ASVspoof5.train.tsv": "T_4850 T_0000000000 F - - - AC3 A05 spoof -\n",
            "ASVspoof5.dev.track_1.tsv": "D_0755 D_0000000001 M - - - - bonafide bonafide -\n",
            "ASVspoof5.eval.track_1.tsv": "E_1607 E_0000000002 M C05 2 E_0001107521 AC1 A28 spoof -\n",
        },
    )
    found = facts(LAYOUTS["asvspoof5"](root, False), "split", "label", "attack_id", "speaker_id", "source_path")
    assert found == {
        "flac_T/T_0000000000.flac": ("train", "spoof", "asvspoof5:A05", "asvspoof5:T_4850", "-/T_0000000000"),
        "flac_D/D_0000000001.flac": ("dev", "bonafide", "-", "asvspoof5:D_0755", "-/D_0000000001"),
        "flac_E_eval/E_0000000002.flac": ("test", "spoof", "asvspoof5:A28", "asvspoof5:E_1607", "C05/E_0000000002"),
    }


def test_asvspoof2019_kinds_are_those_of_its_paper(tree, facts):
    """Wang et al. 2020, table 1: voice conversion A05, A06, A17 to A19; both A13 to A15; the rest text to speech."""
    attacks = [f"A{number:02}" for number in range(1, 20)]
    name = "ASVspoof2019_LA_cm_protocols/ASVspoof2019.LA.cm.train.trn.txt"
    protocol = "".join(f"LA_0079 LA_T_{attack} - {attack} spoof\n" for attack in attacks)
    files = [*FILES_2019[2:], *(f"ASVspoof2019_LA_train/flac/LA_T_{attack}.flac" for attack in attacks)]
    manifest = LAYOUTS["asvspoof2019-la"](tree(files, {**PROTOCOLS_2019, name: protocol}), False)
    kinds = {row.attack_id: row.attack_family for row in manifest.select(split="train").rows}
    of_kind = {
        kind: [attack for attack in attacks if kinds[f"asvspoof2019:{attack}"] == kind] for kind in set(kinds.values())
    }
    assert of_kind["voice-conversion"] == ["A05", "A06", "A17", "A18", "A19"]
    assert of_kind["tts+voice-conversion"] == ["A13", "A14", "A15"]
    assert sum(map(len, of_kind.values())) == len(of_kind["tts"]) + 8 == 19


def test_algorithms_that_train_holds_under_another_name_count_as_seen(tree, tmp_path):
    """A16 is A04 once more and A19 is A06; a new dev split does not forget it."""
    folder = "ASVspoof2019_LA_cm_protocols/ASVspoof2019.LA.cm."
    root = tree(
        [
            *(f"ASVspoof2019_LA_train/flac/LA_T_{i}.flac" for i in range(6)),
            "ASVspoof2019_LA_dev/flac/LA_D_1.flac",
            *(f"ASVspoof2019_LA_eval/flac/LA_E_{attack}.flac" for attack in ("A16", "A17", "A19")),
        ],
        {
            f"{folder}train.trn.txt": "".join(f"LA_{i} LA_T_{i} - A04 spoof\n" for i in range(3))
            + "".join(f"LA_{i} LA_T_{i} - - bonafide\n" for i in range(3, 6)),
            f"{folder}dev.trl.txt": "LA_9 LA_D_1 - A04 spoof\n",
            f"{folder}eval.trl.txt": "".join(f"LA_8 LA_E_{a} - {a} spoof\n" for a in ("A16", "A17", "A19")),
        },
    )
    expected = {"asvspoof2019:A16": "yes", "asvspoof2019:A17": "no", "asvspoof2019:A19": "no"}
    manifest = LAYOUTS["asvspoof2019-la"](root, False)
    assert {row.attack_id: row.attack_seen_in_train for row in manifest.select(split="test").rows} == expected
    saved = save_manifest(manifest, tmp_path / "m.tsv", 0.3, 0)
    assert {row.attack_id: row.attack_seen_in_train for row in saved.select(split="test").rows} == expected


@pytest.mark.parametrize("keys", ["keys/LA", "LA-keys-full/keys/LA"])
def test_a_subset_of_2021_is_kept_before_its_audio_is_looked_for(tree, keys):
    root = tree(
        ["ASVspoof2021_LA_eval/flac/LA_E_1.flac"],
        {
            f"{keys}/CM/trial_metadata.txt": "LA_0009 LA_E_1 alaw ita_tx A07 spoof notrim eval\n"
            "LA_0020 LA_E_2 gsm pstn bonafide bonafide notrim progress\n"
            "LA_0020 LA_E_3 none - A08 spoof trim hidden\n"
        },
    )
    assert [row.source_path for row in read_layout("asvspoof2021-la", [root], subset="eval").rows] == [
        "eval/ita_tx/alaw/LA_E_1"
    ]
    with pytest.raises(ManifestError, match="2 of 3 recordings of the protocol are missing"):
        read_layout("asvspoof2021-la", [root])


@pytest.mark.parametrize("folder", ["", "ASVspoof5_protocols/"])
def test_asvspoof5_with_a_header_or_its_protocols_apart(tree, folder):
    head = "SPEAKER_ID FLAC_FILE_NAME SPEAKER_GENDER CODEC CODEC_Q CODEC_SEED ATTACK_TAG ATTACK_LABEL KEY TMP\n"
    root = tree(
        ["flac_T/T_1.flac", "flac_D/D_1.flac", "flac_E_eval/E_1.flac"],
        {
            f"{folder}ASVspoof5.train.tsv": head + "T_4850 T_1 F - - - AC3 A05 spoof -\n",
            f"{folder}ASVspoof5.dev.track_1.tsv": "D_0755 D_1 M - - - - bonafide bonafide -\n",
            f"{folder}ASVspoof5.eval.track_1.tsv": "E_1607 E_1 M - 0 - AC1 A28 spoof -\n",
        },
    )
    assert [row.split for row in LAYOUTS["asvspoof5"](root, False).rows] == ["train", "dev", "test"]
