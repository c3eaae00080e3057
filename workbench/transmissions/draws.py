"""Each transform with its numbers drawn at random, and the step that states them.

What is drawn depends on the generator and the length of the clip alone, never on what the clip holds.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from workbench.transmissions import Step, filters, loss, noise, processing, rooms
from workbench.transmissions.codecs import CODECS, fit_length, resample, round_trip

Float = NDArray[np.float32]
Range = tuple[float, float]
Drawn = tuple[Float, Step]
Rng = np.random.Generator

RECORDING_FORMATS = ("mp3", "aac")


def hand_set(samples: Float, sample_rate: int, rng: Rng) -> Drawn:
    """A telephone's sending response; no two hand-sets are alike (2 dB standard deviation a point)."""
    deviation_db = rng.normal(0.0, 2.0, len(filters.SEND_HZ))
    shaped = filters.send_response(samples, sample_rate, deviation_db.tolist())
    return shaped, Step("hand-set", {"deviation_db": float(np.std(deviation_db))})


def microphone(
    samples: Float, sample_rate: int, rng: Rng, high_hz: Range = (3400.0, 7600.0), resonance_db: Range = (-6.0, 10.0)
) -> Drawn:
    """A microphone of a mobile phone or a headset."""
    values = {
        "low_hz": rng.uniform(60.0, 300.0),
        "high_hz": rng.uniform(*high_hz),
        "tilt_db_per_octave": rng.uniform(-2.0, 3.0),
        "resonance_hz": rng.uniform(800.0, 4000.0),
        "resonance_db": rng.uniform(*resonance_db),
        "resonance_octaves": rng.uniform(0.1, 0.6),
    }
    return filters.microphone(samples, sample_rate, **values), Step("microphone", {**values})


def background(samples: Float, rng: Rng, noises: Sequence[Float], snr_db: Range = (5.0, 35.0)) -> Drawn:
    """Recorded or coloured noise."""
    ratio_db = rng.uniform(*snr_db)
    return noise.add_noise(samples, noise.draw_noise(len(samples), noises, rng), ratio_db), Step(
        "noise", {"snr_db": ratio_db}
    )


def hum(samples: Float, sample_rate: int, rng: Rng, level_db: Range = (-60.0, -35.0)) -> Drawn:
    """Mains hum of either half of the world, and an offset of at most 2 % of full scale."""
    mains_hz = 50.0 if rng.random() < 0.5 else 60.0
    values = {"mains_hz": mains_hz, "level_db": rng.uniform(*level_db), "offset": rng.uniform(-0.02, 0.02)}
    return noise.add_hum(samples, sample_rate, **values), Step("hum", {**values})


def clipping(samples: Float, rng: Rng, share: Range = (0.001, 0.05)) -> Drawn:
    """Overload, hard or soft; small shares are as likely as large ones."""
    clipped_share = float(np.exp(rng.uniform(*np.log(share))))
    soft = bool(rng.random() < 0.5)
    clipped = processing.clip_share(samples, clipped_share, soft=soft)
    return clipped, Step("clipping", {"kind": "soft" if soft else "hard", "share": clipped_share})


def gain_control(samples: Float, sample_rate: int, rng: Rng, target_db: Range = (-30.0, -16.0)) -> Drawn:
    """Automatic gain control with a fast attack and a slower release."""
    values = {
        "target_db": rng.uniform(*target_db),
        "attack_s": float(np.exp(rng.uniform(np.log(0.005), np.log(0.1)))),
        "release_s": float(np.exp(rng.uniform(np.log(0.1), np.log(2.0)))),
        "max_gain_db": rng.uniform(10.0, 30.0),
    }
    return processing.gain_control(samples, sample_rate, **values), Step("gain control", {**values})


def noise_suppression(samples: Float, sample_rate: int, rng: Rng) -> Drawn:
    """The noise suppressor of a phone."""
    method = processing.METHODS[int(rng.integers(len(processing.METHODS)))]
    floor_db, excess = rng.uniform(-30.0, -10.0), rng.uniform(0.8, 2.0)
    cleaned = processing.suppress_noise(samples, sample_rate, method=method, floor_db=floor_db, excess=excess)
    return cleaned, Step("noise suppression", {"method": method, "floor_db": floor_db, "excess": excess})


def codec(samples: Float, sample_rate: int, rng: Rng, names: Sequence[str]) -> Drawn:
    """One of the codecs ``names``, at one of its bit rates."""
    name = names[int(rng.integers(len(names)))]
    rates = sorted(CODECS[name].bitrates_bps)
    bitrate_bps = rates[int(rng.integers(len(rates)))]
    return coded(samples, sample_rate, name, bitrate_bps)


def coded(samples: Float, sample_rate: int, name: str, bitrate_bps: int | None = None) -> Drawn:
    """The codec ``name`` at a given bit rate, or its default."""
    bitrate_bps = CODECS[name].bitrates_bps[0] if bitrate_bps is None else bitrate_bps
    restored = round_trip(samples, sample_rate, name, bitrate_bps)
    return restored, Step("codec", {"name": name, "kbps": bitrate_bps / 1000.0})


def recording_format(samples: Float, sample_rate: int, rng: Rng, kbps: Range = (16.0, 96.0)) -> Drawn:
    """MP3 or AAC, at a bit rate within ``kbps``."""
    name = RECORDING_FORMATS[int(rng.integers(len(RECORDING_FORMATS)))]
    rates = [rate for rate in sorted(CODECS[name].bitrates_bps) if kbps[0] <= rate / 1000.0 <= kbps[1]]
    return coded(samples, sample_rate, name, rates[int(rng.integers(len(rates)))])


def packet_loss(
    samples: Float, sample_rate: int, rng: Rng, share: Range = (0.005, 0.08), codec_rate_hz: int = 16000
) -> Drawn:
    """Lost packets in bursts, concealed in one of three ways at the codec's rate, as its decoder would."""
    lost_share, mean_burst = rng.uniform(*share), rng.uniform(1.0, 4.0)
    packet_ms = loss.PACKET_MS[int(rng.integers(len(loss.PACKET_MS)))]
    method = loss.CONCEALMENTS[int(rng.integers(len(loss.CONCEALMENTS)))]
    received = resample(samples, sample_rate, codec_rate_hz)
    count = -(-len(received) * 1000 // (packet_ms * codec_rate_hz))
    lost = loss.lost_packets(count, lost_share, mean_burst, rng)
    concealed = loss.conceal(received, codec_rate_hz, lost, packet_ms, method)
    played = fit_length(resample(concealed, codec_rate_hz, sample_rate), len(samples))
    values: dict[str, float | int | str] = {
        "share": lost_share,
        "mean_burst": mean_burst,
        "packet_ms": packet_ms,
        "lost_packets": int(lost.sum()),
        "concealment": method,
    }
    return played, Step("packet loss", values)


def room(
    samples: Float,
    sample_rate: int,
    rng: Rng,
    responses: Sequence[Float] = (),
    rt60_s: Range = (0.1, 0.8),
    direct_db: Range = (-3.0, 15.0),
) -> Drawn:
    """A recorded room, as likely as a made one where there are recordings; else a made one."""
    if responses and rng.random() < 0.5:
        index = int(rng.integers(len(responses)))
        return rooms.reverberate(samples, responses[index]), Step("room", {"kind": "recorded", "index": index})
    values = {"rt60_s": rng.uniform(*rt60_s), "direct_db": rng.uniform(*direct_db)}
    response = rooms.synthetic_response(values["rt60_s"], values["direct_db"], sample_rate, rng)
    return rooms.reverberate(samples, response), Step("room", {"kind": "made", **values})


def raw_boost(samples: Float, sample_rate: int, rng: Rng, snr_db: Range = (10.0, 40.0)) -> Drawn:
    """RawBoost's noises 1, 2 and 3 in a row, or one of them."""
    noises = ((1,), (2,), (3,), (1, 2), (1, 2, 3))[int(rng.integers(5))]
    share, ratio_db = rng.uniform(0.0, 0.1), rng.uniform(*snr_db)
    if 1 in noises:
        samples = noise.convolutive_noise(samples, sample_rate, rng)
    if 2 in noises:
        samples = noise.impulsive_noise(samples, share, 2.0, rng)
    if 3 in noises:
        samples = noise.stationary_noise(samples, sample_rate, ratio_db, rng)
    values: dict[str, float | int | str] = {"noises": "+".join(map(str, noises))}
    return samples, Step(
        "rawboost", values | ({"share": share} if 2 in noises else {}) | ({"snr_db": ratio_db} if 3 in noises else {})
    )


def cut(samples: Float, sample_rate: int, rng: Rng, length_s: Range = (0.05, 0.5)) -> Drawn:
    """A stretch cut out, at most half of the clip; joined hard or by a fade of at most 20 ms."""
    length = min(round(rng.uniform(*length_s) * sample_rate), len(samples) // 2)
    fade = min(round(rng.choice([0.0, rng.uniform(0.002, 0.02)]) * sample_rate), len(samples) - length)
    start = int(rng.integers(0, len(samples) - length - fade + 1))
    values = {"start_s": start / sample_rate, "length_s": length / sample_rate, "fade_s": fade / sample_rate}
    return cut_and_join(samples, start, length, fade), Step("cut", {**values})


def cut_and_join(samples: Float, start: int, length: int, fade: int) -> Float:
    """Cut ``length`` samples at ``start`` and join the ends by a cross-fade of ``fade`` samples.

    Parameters
    ----------
    samples : [shape=(n,)]
    start, length, fade : start + length + fade <= n; ``fade`` may be 0, a hard cut.

    Returns
    -------
    samples [shape=(n - length,)]
    """
    if min(start, length, fade) < 0 or start + length + fade > len(samples):
        raise ValueError(f"cannot cut {length} at {start} with a fade of {fade} out of {len(samples)} samples")
    resumed = samples[start + length :].copy()
    rising = (np.arange(fade) + 0.5) / max(fade, 1)
    resumed[:fade] = rising * resumed[:fade] + (1.0 - rising) * samples[start : start + fade]
    return np.concatenate([samples[:start], resumed])
