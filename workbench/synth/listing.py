"""The engines as `workbench synth --list` prints them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from edge.tables import columns
from workbench.synth.registry import ENGINES, why_missing


def list_engines(engines: Path) -> list[dict[str, Any]]:
    """Facts of every engine, in the order of the registry; ``missing`` is None where it can run."""
    return [
        {
            "name": spec.name,
            "kind": spec.kind,
            "family": spec.family,
            "split": None if spec.kind == "copy" else spec.split,
            "languages": sorted(spec.voices),
            "licence": spec.licence,
            "missing": why_missing(spec, engines),
            "install": spec.install,
        }
        for spec in ENGINES.values()
    ]


def text_list(entries: list[dict[str, Any]]) -> str:
    """A table, and below it how to get what is missing."""
    table = [("engine", "kind", "installed", "licence")]
    table += [(e["name"], e["kind"], "no" if e["missing"] else "yes", e["licence"]) for e in entries]
    lines = columns(table)
    lines += [f"{e['name']}: {e['missing']}; {e['install']}" for e in entries if e["missing"]]
    return "\n".join(lines)
