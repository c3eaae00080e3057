"""Voices of the speaking engines by language (ISO 639-1), as each engine names them."""

from __future__ import annotations

KOKORO_VOICES: dict[str, tuple[str, ...]] = {
    "en": tuple(
        f"{kind}_{name}"
        for kind, names in {
            "af": ("alloy", "aoede", "bella", "heart", "jessica", "kore", "nicole", "nova", "river", "sarah", "sky"),
            "am": ("adam", "echo", "eric", "fenrir", "liam", "michael", "onyx", "puck", "santa"),
            "bf": ("alice", "emma", "isabella", "lily"),
            "bm": ("daniel", "fable", "george", "lewis"),
        }.items()
        for name in names
    ),
    "es": ("ef_dora", "em_alex", "em_santa"),
    "fr": ("ff_siwis",),
    "it": ("if_sara", "im_nicola"),
}

PICO_VOICES: dict[str, tuple[str, ...]] = {
    "en": ("en-GB", "en-US"),
    "de": ("de-DE",),
    "es": ("es-ES",),
    "fr": ("fr-FR",),
    "it": ("it-IT",),
}

FLITE_VOICES: dict[str, tuple[str, ...]] = {"en": ("awb", "kal16", "rms", "slt")}
FESTIVAL_VOICES: dict[str, tuple[str, ...]] = {
    "en": ("kal_diphone", "ked_diphone", "cmu_us_slt_arctic_hts"),
    "it": ("lp_diphone", "pc_diphone"),
}
_ESPEAK_VARIANTS = ("", "+m1", "+m3", "+m7", "+f1", "+f2", "+f4", "+klatt4")
ESPEAK_VOICES: dict[str, tuple[str, ...]] = {
    language: tuple(f"{base}{variant}" for base in bases for variant in _ESPEAK_VARIANTS)
    for language, bases in {
        "en": ("en-us", "en-gb"),
        "es": ("es", "es-419"),
        "fr": ("fr",),
        "it": ("it",),
        "de": ("de",),
    }.items()
}
