"""Keep the table of training runs: docs/experiments.jsonl is the record, docs/experiments.md is made from it.

Run folders are not kept, so a run that is worth remembering is added while its folder is there:

    add RUN... [--note TEXT] [--kept]    put runs into the record, or renew them, and the page with it

Without a command the page is printed and written anew.

Example: python tools/experiments.py add runs/wide-0 runs/wide-1 --note "wider blocks"
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from statistics import median
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
RECORD = ROOT / "docs" / "experiments.jsonl"
sys.path.insert(0, str(ROOT))

from edge.errors import EdgeError  # noqa: E402
from workbench.config import ExperimentConfig, config_from_dict, config_to_dict, load_config, shipped_configs  # noqa: E402
from workbench.config_toml import differences, flatten, nest, short_text  # noqa: E402
from workbench.errors import TrainingError  # noqa: E402
from workbench.train.runs import RunFolder, RunInfo, write_atomically  # noqa: E402

Entry = dict[str, Any]

HEAD = """\
# Experiments

Made by `tools/experiments.py` from `docs/experiments.jsonl`; do not edit it by hand.

One line a configuration and corpus, oldest first; runs that differ in their seed alone share a line, and its figures
are the median over them, with the range. Figures are those of dev, in percent, at the epoch whose weights the run kept
(the lowest mean of EER over all and over paired clips). A configuration is told by its name and by what it holds
otherwise than the shipped configuration of that name, or than the default where there is none; a corpus by the start
of its manifest's digest. Steps are those trained, over all epochs; parameters are those of the deployed network. What
is **bold** was kept.

"""


def entry_of(path: Path, note: str, kept: bool) -> Entry:
    """What the record keeps of a run folder.

    Raises
    ------
    TrainingError
        It is no run folder, or no epoch of it has ended.
    """
    folder = RunFolder(path)
    info, history = folder.info(), folder.history()
    if not history:
        raise TrainingError(f"{path}: no epoch has ended yet; add it when the run is done")
    best = min(history, key=lambda record: record["selection"])
    config = info.config
    return {
        "run": path.resolve().name,
        "note": note,
        "kept": kept,
        "seed": config.train.seed,
        "corpus": info.manifest_digest[:12],
        "git": info.git_revision,
        "parameters": parameters_of(config),
        "epochs": len(history),
        # What is solved for takes no steps.
        "steps": 0 if config.train.solver == "ridge" else len(history) * config.train.steps_per_epoch,
        "best_epoch": best["epoch"],
        "figures": {name: value for name, value in best.items() if name.startswith("dev_") and value is not None},
        "selection": best["selection"],
        "config": {name: value for name, value in flatten(config_to_dict(config)).items() if _shapes(name)},
        **_lineage(info),
    }


def _lineage(info: RunInfo) -> Entry:
    """The earlier runs that a run builds on, by the names of their folders; empty where there are none."""
    teachers = {"teachers": [Path(teacher.run).name for teacher in info.teachers]} if info.teachers else {}
    return teachers if info.start is None else {**teachers, "start": Path(info.start.run).name}


def parameters_of(config: ExperimentConfig) -> int:
    """Parameters of the deployed network."""
    from workbench.models.quiet_tensorflow import load_tensorflow

    load_tensorflow()
    from workbench.deploy.export import count_parameters
    from workbench.models.network import Network

    network = Network(config, folded=True)
    network.raw_score_model(network.chunk_frames)
    return count_parameters(network)


def merge(entries: Iterable[Entry], added: Iterable[Entry]) -> list[Entry]:
    """The record with ``added`` at its end; the same run, added again, takes its old place."""
    found = {_identity(entry): entry for entry in entries}
    for entry in added:
        found[_identity(entry)] = entry
    return list(found.values())


def group(entries: Iterable[Entry]) -> list[list[Entry]]:
    """Entries that differ in their seed alone, together; in the order of the first."""
    groups: dict[str, list[Entry]] = {}
    for entry in entries:
        lineage = [entry.get("teachers"), entry.get("start")]
        key = json.dumps([completed(entry["config"]), entry["corpus"], lineage], sort_keys=True)
        groups.setdefault(key, []).append(entry)
    return list(groups.values())


def page(entries: Sequence[Entry]) -> str:
    """Compose docs/experiments.md."""
    if not entries:
        return HEAD + "No run is recorded yet.\n"
    names = _figure_names(entries)
    head = ["configuration", "corpus", "seeds", *map(_title, names), "parameters", "steps", "note"]
    lines = [_line(head), _line(["---"] * len(head))]
    lines += [_line(_cells(runs, names)) for runs in group(entries)]
    return HEAD + "\n".join(lines) + "\n"


def _cells(runs: Sequence[Entry], names: Sequence[str]) -> list[str]:
    mark = "**" if any(run["kept"] for run in runs) else ""
    notes = list(dict.fromkeys(run["note"] for run in runs if run["note"]))
    steps = sorted({run["steps"] for run in runs})
    return [
        f"{mark}{describe(runs[0]['config'])}{_built_on(runs[0])}{mark}",
        f"`{runs[0]['corpus'][:8]}`",
        ", ".join(str(seed) for seed in sorted(run["seed"] for run in runs)),
        *(_spread([run["figures"][name] for run in runs if name in run["figures"]]) for name in names),
        f"{runs[0]['parameters']:,}",
        "–" if not steps[-1] else f"{steps[0]:,}" if len(steps) == 1 else f"{steps[0]:,}–{steps[-1]:,}",
        "; ".join(notes),
    ]


def _built_on(entry: Entry) -> str:
    teachers = f"; taught by {', '.join(entry['teachers'])}" if "teachers" in entry else ""
    return f"{teachers}; from {entry['start']}" if "start" in entry else teachers


def completed(config: dict[str, Any]) -> dict[str, Any]:
    """``config`` with the fields that came after its run: they had their defaults in it."""
    default = {name: value for name, value in flatten(config_to_dict(ExperimentConfig())).items() if _shapes(name)}
    return {**default, **config}


def describe(config: dict[str, Any]) -> str:
    """``name: field=value, …``, against the shipped configuration of that name, or the default."""
    name = config["name"]
    base = load_config(name) if name in shipped_configs() else config_from_dict({"name": name})
    found = differences(nest(completed(config)), config_to_dict(base))
    return f"{name}: {short_text(found)}" if found else name


def _figure_names(entries: Sequence[Entry]) -> list[str]:
    """EER before AUC, otherwise in the order in which runs brought them."""
    found = dict.fromkeys(name for entry in entries for name in entry["figures"])
    return sorted(found, key=lambda name: (not name.endswith("_eer"), not name.endswith("_auc")))


def _title(name: str) -> str:
    """``dev_paired_eer`` to ``EER paired``."""
    *kind, measure = name.removeprefix("dev_").split("_")
    return " ".join([measure.upper(), *(kind or ["all"])])


def _spread(values: Sequence[float]) -> str:
    if not values:
        return "–"
    middle, low, high = (f"{100 * value:.1f}" for value in (median(values), min(values), max(values)))
    return middle if len(values) == 1 else f"{middle} ({low}–{high})"


def _line(cells: Iterable[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in cells) + " |"


def _shapes(name: str) -> bool:
    return name not in ("train.seed", "train.tensorboard_audio") and not name.startswith("data.")


def _identity(entry: Entry) -> str:
    names = ("run", "seed", "corpus", "config", "teachers", "start")
    return json.dumps([entry.get(name) for name in names], sort_keys=True)


def read_record(path: Path) -> list[Entry]:
    """One entry a line, oldest first; none where there is no file yet."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()] if path.exists() else []


def add(runs: Sequence[Path], note: str, kept: bool, record: Path) -> int:
    """Add every run that can be added; return how many could not."""
    added, failures = [], 0
    for run in runs:
        try:
            added.append(entry_of(run, note, kept))
        except EdgeError as error:
            failures += 1
            print(error, file=sys.stderr)
    entries = merge(read_record(record), added)
    write_atomically(record, "".join(json.dumps(entry, ensure_ascii=False) + "\n" for entry in entries))
    return failures


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="change nothing; exit 1 when the page is out of date")
    parser.add_argument("--record", type=Path, default=RECORD, help="the record; the page lies beside it")
    commands = parser.add_subparsers(dest="command")
    adding = commands.add_parser("add", help="put run folders into the record")
    adding.add_argument("runs", nargs="+", type=Path, metavar="RUN")
    adding.add_argument("--note", default="", help="what the runs were for, or what they said")
    adding.add_argument("--kept", action="store_true", help="mark them: a model or a default came of them")
    given = parser.parse_args(arguments)
    out = given.record.with_suffix(".md")
    failures = add(given.runs, given.note, given.kept, given.record) if given.command == "add" else 0
    text = page(read_record(given.record))
    if given.check:
        if out.exists() and out.read_text(encoding="utf-8") == text:
            return 0
        print(f"{out} is out of date; run: python tools/experiments.py", file=sys.stderr)
        return 1
    write_atomically(out, text)
    print(text, end="")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
