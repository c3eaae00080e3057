"""Names of the transmissions, apart from what carries them out, so that a command line can list them at once."""

from __future__ import annotations

TRANSMISSIONS: dict[str, str] = {
    "clean": "nothing at all",
    "telephone": "a drawn call: hand-set or microphone, at times noise, noise suppression, gain control, a codec of "
    "the telephone network, lost packets, a second codec",
    "g711-mu": "G.711 µ-law, 64 kbit/s, narrow band",
    "g711-a": "G.711 A-law, 64 kbit/s, narrow band",
    "gsm": "GSM full rate, 13 kbit/s, narrow band",
    "amr-nb-4.75": "AMR, 4.75 kbit/s, narrow band",
    "amr-nb-12.2": "AMR, 12.2 kbit/s, narrow band",
    "g722": "G.722, 64 kbit/s, wide band",
    "g723.1": "G.723.1, 6.3 kbit/s, narrow band",
    "g726-16": "G.726, 16 kbit/s, narrow band",
    "g726-32": "G.726, 32 kbit/s, narrow band",
    "opus-nb-8": "Opus for voice, 8 kbit/s, narrow band",
    "opus-wb-16": "Opus for voice, 16 kbit/s, wide band",
    "speex": "Speex, 11 kbit/s, narrow band; needs the ffmpeg program",
    "mp3-32": "MP3, 32 kbit/s at 16 kHz",
    "aac-32": "AAC, 32 kbit/s at 16 kHz",
    "noise-suppressed": "noise at 5 to 20 dB, then a phone's noise suppressor",
    "bad-microphone": "a narrow, resonant microphone with hum and overload",
    "room": "a drawn room, 0.1 to 0.8 s of reverberation",
    "voip-loss": "Opus in wide band with 3 to 12 % of the packets lost and concealed",
}
"""What each transmission does."""

TRANSMISSION_NAMES: tuple[str, ...] = tuple(TRANSMISSIONS)
