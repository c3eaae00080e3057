"""Compare error rates at several lengths of speech of the same recordings.

Clips are short. Where one alone does not hold the longest length of speech, clips of the same label, attack, speaker
and source are joined end to end; every length is then cut from the same joined recording, so that two lengths differ
by nothing but how much the model was given.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.contract import Contract
from edge.errors import AudioError
from edge.model import Model
from edge.scoring import score_samples
from workbench.data.cache import decode
from workbench.data.manifest import Manifest, Row
from workbench.evaluate.bootstrap import Interval, percentile_interval, resampled_pair
from workbench.evaluate.evaluate import (
    BOOTSTRAP_SEED,
    RESAMPLES,
    SMALLEST_GROUP,
    evaluate,
    result_to_dict,
    scores_of,
    sources_of,
)
from workbench.evaluate.groups import Group, standard_groups
from workbench.evaluate.trials import Progress, Trial, gather, load_quietly, speech_levels_db
from workbench.frontend.speech_activity import speech_mask

Float = NDArray[np.float32]

COMPARED = ("all", "unseen attacks, paired")
"""Groups whose lengths are set against each other."""
_ALLOWANCE_FRAMES = 0.05
"""The graph sums speech in float32: a cut at exactly 1 s of speech would be `too_short` by the last digit."""


def cut_to_speech(samples: Float, seconds: float, contract: Contract) -> Float | None:
    """The shortest start of ``samples`` [shape=(n,)] in which the runtime counts ``seconds`` of speech.

    None if there is less. Speech is counted as the model of ``contract`` counts it.
    """
    frontend = contract.frontend
    counted = np.cumsum(_speech_weights(samples, contract), dtype=np.float64)
    wanted = seconds * frontend.frames_per_s + _ALLOWANCE_FRAMES
    if not counted.size or counted[-1] < wanted:
        return None
    enough = int(np.searchsorted(counted, wanted)) + 1
    # The runtime fills the last chunk with silence, and the windows that reach back into the cut count as well.
    reach = max(frontend.window, frontend.power_window) // frontend.hop
    for frames in range(max(enough - reach, 1), enough):
        part = samples[: frames * frontend.hop]
        if _speech_weights(np.pad(part, (0, -len(part) % contract.chunk_samples)), contract).sum() >= wanted:
            return part
    return samples[: enough * frontend.hop]


def _speech_weights(samples: Float, contract: Contract) -> Float:
    levels_db = speech_levels_db(samples, contract.frontend, contract.speech)
    return speech_mask(levels_db, contract.frontend, contract.speech)


def score_durations(
    model: Model, manifest: Manifest, seconds: Sequence[float], progress: Progress = iter, *, jobs: int = 1
) -> list[Trial]:
    """Score recordings of at least the longest of ``seconds`` of speech, cut to each of them.

    A trial's row is that of its first clip.

    Raises
    ------
    EvaluationError
        Clips that cannot be read.
    """
    alike: dict[tuple[str, ...], list[Row]] = {}
    for row in sorted(manifest.rows, key=lambda row: row.path):
        alike.setdefault((row.label, row.attack_id, row.speaker_id, row.source_repo, row.paired), []).append(row)
    tasks = [(model.path, manifest.root, tuple(rows), tuple(sorted(seconds))) for rows in alike.values()]
    trials = gather(_score_alike, tasks, len(manifest.rows), jobs, progress)
    return _scored_at_all(trials, len(seconds))


def summarise_durations(trials: Sequence[Trial]) -> dict[str, Any]:
    """Error rates at each length and their ratios, as JSON takes it.

    Returns
    -------
    dict
        ``groups``: results with ``seconds``; ``ratios``: of each length to the one before, ``{"name", "shorter",
        "longer", "eer_ratio", "auc_difference"}`` with intervals over sources (``eer_ratio`` None where the shorter
        makes no error); ``trials``, ``joined`` and ``clips``: recordings, those of two clips and more, clips in them;
        ``unknown_speaker``: recordings joined from clips whose speaker the manifest does not know.
    """
    lengths = sorted({trial.seconds for trial in trials if trial.seconds is not None})
    at = {length: [trial for trial in trials if trial.seconds == length] for length in lengths}
    groups = [group for group in standard_groups([trial.row for trial in trials]) if group.name in COMPARED]
    found = [{**result_to_dict(r), "seconds": length} for length in lengths for r in evaluate(at[length], groups)]
    longest = at[lengths[-1]] if lengths else []
    joined = [trial for trial in longest if len(trial.joined) > 1]
    return {
        "seconds": lengths,
        "trials": len(longest),
        "joined": len(joined),
        "clips": sum(max(1, len(trial.joined)) for trial in longest),
        "unknown_speaker": sum(trial.row.speaker_id == "-" for trial in joined),
        "groups": found,
        "ratios": [
            line
            for group in groups
            for shorter, longer in pairwise(lengths)
            if (line := _ratio(group, at[shorter], at[longer], shorter, longer)) is not None
        ],
    }


def _ratio(
    group: Group, before: Sequence[Trial], after: Sequence[Trial], shorter: float, longer: float
) -> dict[str, Any] | None:
    inside = ([trial for trial in trials if group.holds(trial)] for trials in (before, after))
    sides = [[[t for t in trials if t.is_bonafide == real] for real in (True, False)] for trials in inside]
    if min(len(side) for side in sides[0]) < SMALLEST_GROUP:
        return None
    sources = (sources_of(sides[0][0]), sources_of(sides[0][1]))
    scores = [(scores_of(bonafide), scores_of(spoof)) for bonafide, spoof in sides]
    value, figures = resampled_pair(scores, sources, np.random.default_rng(BOOTSTRAP_SEED), n=RESAMPLES)
    ratio: Interval | None = None
    if value["eer 0"] > 0.0 and (possible := figures["eer 0"] > 0.0).any():
        ratio = percentile_interval(
            value["eer 1"] / value["eer 0"], figures["eer 1"][possible] / figures["eer 0"][possible]
        )
    difference = percentile_interval(value["auc 1"] - value["auc 0"], figures["auc 1"] - figures["auc 0"])
    return {
        "name": group.name,
        "shorter": shorter,
        "longer": longer,
        "eer_ratio": None if ratio is None else asdict(ratio),
        "auc_difference": asdict(difference),
    }


def _scored_at_all(trials: Sequence[Trial], lengths: int) -> list[Trial]:
    """The trials of recordings that have a score at every length: a rate over others would not be comparable."""
    scored: dict[tuple[str, ...], int] = {}
    for trial in trials:
        scored[trial.joined] = scored.get(trial.joined, 0) + (trial.cm_score is not None)
    return [trial for trial in trials if scored[trial.joined] == lengths]


def _score_alike(task: tuple[Path, Path, Sequence[Row], tuple[float, ...]]) -> tuple[list[Trial], list[str]]:
    """Join clips in their order until there is enough speech, score, go on with the next; the rest is left out."""
    model_path, root, rows, seconds = task
    model = load_quietly(model_path)
    rate = model.contract.frontend.sample_rate
    trials: list[Trial] = []
    failures: list[str] = []
    pending: list[Row] = []
    samples = np.zeros(0, np.float32)
    for row in rows:
        try:
            samples = np.concatenate([samples, decode(root / row.path, rate)])
        except AudioError as error:
            failures.append(str(error))
            continue
        pending.append(row)
        if cut_to_speech(samples, seconds[-1], model.contract) is None:
            continue
        for length in seconds:
            part = cut_to_speech(samples, length, model.contract)
            assert part is not None  # a longer cut exists
            decision = score_samples(model, part)
            paths = tuple(item.path for item in pending)
            trials.append(
                Trial(
                    pending[0],
                    decision.verdict,
                    decision.cm_score,
                    seconds=length,
                    speech_s=decision.speech_s,
                    joined=paths,
                )
            )
        pending, samples = [], np.zeros(0, np.float32)
    return trials, failures
