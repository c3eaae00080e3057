"""Each reader takes a small tree of the exact shape in which its corpus is published."""

from __future__ import annotations

import wave

import pytest

from workbench.errors import ManifestError
from workbench.readers import LAYOUTS, two_folders


@pytest.fixture
def tree(tmp_path):
    """Write empty recordings and text files below tmp_path."""

    def write(files=(), texts=None):
        for name in files:
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            with wave.open(str(path), "wb") as file:
                file.setnchannels(1)
                file.setsampwidth(2)
                file.setframerate(16000)
        for name, text in (texts or {}).items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return tmp_path

    return write


def _facts(manifest, *names):
    return {row.path: tuple(getattr(row, name) for name in names) for row in manifest.rows}


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
def test_asvspoof2019_la(tree, above):
    root = tree([above + f for f in FILES_2019], {above + n: t for n, t in PROTOCOLS_2019.items()})
    facts = _facts(
        LAYOUTS["asvspoof2019-la"](root, False), "split", "label", "attack_id", "attack_family", "attack_seen_in_train"
    )
    files = [above + f for f in FILES_2019]
    assert facts == {
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


def test_asvspoof2021_la(tree):
    root = tree(
        ["ASVspoof2021_LA_eval/flac/LA_E_9332881.flac", "ASVspoof2021_LA_eval/flac/LA_E_6866159.flac"],
        {
            "keys/LA/CM/trial_metadata.txt": "LA_0009 LA_E_9332881 alaw ita_tx A07 spoof notrim eval\n"
            "LA_0020 LA_E_6866159 gsm pstn bonafide bonafide notrim progress\n"
        },
    )
    assert _facts(LAYOUTS["asvspoof2021-la"](root, False), "split", "label", "attack_id", "source_path") == {
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
def test_asvspoof2021_df_whole_or_in_parts(tree, folder):
    root = tree(
        [f"{folder}/DF_E_2000011.flac", f"{folder}/DF_E_2000013.flac"],
        {
            "keys/DF/CM/trial_metadata.txt": "LA_0023 DF_E_2000011 nocodec asvspoof A14 spoof notrim progress "
            "traditional_vocoder - - - -\nTEF2 DF_E_2000013 low_m4a vcc2020 Task1-team20 spoof notrim eval "
            "neural_vocoder_nonautoregressive Task1 team20 FF E\n"
        },
    )
    assert _facts(LAYOUTS["asvspoof2021-df"](root, False), "attack_id", "attack_family") == {
        f"{folder}/DF_E_2000011.flac": ("asvspoof2021:A14", "tts+voice-conversion"),
        f"{folder}/DF_E_2000013.flac": ("asvspoof2021:Task1-team20", "-"),
    }


def test_asvspoof5(tree):
    root = tree(
        ["flac_T/T_0000000000.flac", "flac_D/D_0000000001.flac", "flac_E_eval/E_0000000002.flac"],
        {
            "ASVspoof5.train.tsv": "T_4850 T_0000000000 F - - - AC3 A05 spoof -\n",
            "ASVspoof5.dev.track_1.tsv": "D_0755 D_0000000001 M - - - - bonafide bonafide -\n",
            "ASVspoof5.eval.track_1.tsv": "E_1607 E_0000000002 M C05 2 E_0001107521 AC1 A28 spoof -\n",
        },
    )
    facts = _facts(LAYOUTS["asvspoof5"](root, False), "split", "label", "attack_id", "speaker_id", "source_path")
    assert facts == {
        "flac_T/T_0000000000.flac": ("train", "spoof", "asvspoof5:A05", "asvspoof5:T_4850", "-/T_0000000000"),
        "flac_D/D_0000000001.flac": ("dev", "bonafide", "-", "asvspoof5:D_0755", "-/D_0000000001"),
        "flac_E_eval/E_0000000002.flac": ("test", "spoof", "asvspoof5:A28", "asvspoof5:E_1607", "C05/E_0000000002"),
    }


def test_in_the_wild(tree):
    root = tree(
        ["release_in_the_wild/0.wav", "release_in_the_wild/1.wav"],
        {
            "release_in_the_wild/meta.csv": "file,speaker,label\n0.wav,Alec Guinness,spoof\n1.wav,Alec Guinness,bona-fide\n"
        },
    )
    assert _facts(LAYOUTS["in-the-wild"](root, False), "split", "label", "speaker_id") == {
        "release_in_the_wild/0.wav": ("test", "spoof", "in-the-wild:Alec Guinness"),
        "release_in_the_wild/1.wav": ("test", "bonafide", "in-the-wild:Alec Guinness"),
    }


@pytest.mark.parametrize("version", ["", "for-2sec/"])
def test_fake_or_real(tree, version):
    files = [
        f"{version}{part}/{kind}/file{i}.wav"
        for i, (part, kind) in enumerate(
            (p, k) for p in ("training", "validation", "testing") for k in ("real", "fake")
        )
    ]
    facts = _facts(LAYOUTS["fake-or-real"](tree(files), False), "split", "label")
    assert list(facts.values()) == [(s, k) for s in ("train", "dev", "test") for k in ("bonafide", "spoof")]
    assert list(facts) == files


def test_wavefake(tree):
    root = tree(
        [
            "generated_audio/ljspeech_melgan/LJ001-0001_gen.wav",
            "generated_audio/ljspeech_hifiGAN/LJ001-0001_generated.wav",
            "generated_audio/ljspeech_waveglow/LJ001-0001.wav",
            "generated_audio/jsut_multi_band_melgan/BASIC5000_0001_gen.wav",
            "generated_audio/common_voices_prompts_from_conformer_fastspeech2_pwg_ljspeech/gen_0.wav",
            "LJSpeech-1.1/wavs/LJ001-0001.wav",
            "jsut_ver1.1/basic5000/wav/BASIC5000_0001.wav",
        ]
    )
    facts = _facts(
        LAYOUTS["wavefake"](root, False), "label", "attack_id", "attack_family", "source_repo", "source_path"
    )
    copies = "vocoder-copy-synthesis"
    assert list(facts.values()) == [
        ("spoof", "wavefake:common_voices_prompts_from_conformer_fastspeech2_pwg_ljspeech", "tts", "ljspeech", "gen_0"),
        ("spoof", "wavefake:multi_band_melgan", copies, "jsut", "BASIC5000_0001"),
        ("spoof", "wavefake:hifiGAN", copies, "ljspeech", "LJ001-0001"),
        ("spoof", "wavefake:melgan", copies, "ljspeech", "LJ001-0001"),
        ("spoof", "wavefake:waveglow", copies, "ljspeech", "LJ001-0001"),
        ("bonafide", "-", "human", "ljspeech", "LJ001-0001"),
        ("bonafide", "-", "human", "jsut", "BASIC5000_0001"),
    ]


def test_mlaad(tree):
    head = (
        "path|original_file|language|is_original_language|duration|training_data|model_name|architecture|transcript\n"
    )
    root = tree(
        ["fake/de/vits/a.wav", "real/de_DE/by_book/female/ramona/buch/wavs/b.wav"],
        {
            "fake/de/vits/meta.csv": head
            + './fake/de/vits/a.wav|de/x.wav|de|yes|3.1|thorsten|vits|vits|Er sagte "ja|nein"\n'
        },
    )
    facts = _facts(LAYOUTS["mlaad"](root, False), "label", "attack_id", "speaker_id", "language")
    assert facts == {
        "fake/de/vits/a.wav": ("spoof", "mlaad:vits", "-", "de"),
        "real/de_DE/by_book/female/ramona/buch/wavs/b.wav": ("bonafide", "-", "m-ailabs:ramona", "de_DE"),
    }


def test_two_folders_take_attacks_and_speakers_from_their_folders(tree):
    root = tree(["real/ann/1.wav", "real/2.WAV", "fake/vits/3.wav", "fake/4.wav", "fake/notes.txt.bak.wav"])
    facts = _facts(two_folders(root / "real", root / "fake"), "label", "attack_id", "speaker_id")
    assert facts == {
        "real/2.WAV": ("bonafide", "-", "-"),
        "real/ann/1.wav": ("bonafide", "-", "ann"),
        "fake/4.wav": ("spoof", "fake", "-"),
        "fake/notes.txt.bak.wav": ("spoof", "fake", "-"),
        "fake/vits/3.wav": ("spoof", "vits", "-"),
    }


def test_two_folders_inside_one_another_are_refused(tree):
    root = tree(["all/1.wav", "all/fake/2.wav"])
    with pytest.raises(ManifestError, match="one lies in the other"):
        two_folders(root / "all", root / "all" / "fake")


def test_a_folder_without_recordings_is_refused(tree):
    root = tree(["real/1.wav"], {"fake/readme.txt": "x"})
    with pytest.raises(ManifestError, match=r"fake: no recordings"):
        two_folders(root / "real", root / "fake")


@pytest.mark.parametrize("name", LAYOUTS)
def test_a_folder_of_another_shape_is_refused_with_what_was_expected(name, tmp_path):
    (tmp_path / "something").mkdir()
    with pytest.raises(ManifestError, match=r"expected|no such folder"):
        LAYOUTS[name](tmp_path, False)
