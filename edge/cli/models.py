"""`edge models`: the shipped models."""

from __future__ import annotations

import json

import click

from edge.cli import json_option


@click.command()
@json_option
def models(as_json: bool) -> None:
    """List the shipped models.

    Example: edge models
    """
    from edge.catalog import shipped_models
    from edge.contract import read_contract
    from edge.tables import columns

    rows = [("name", "kB", "parameters", "kind", "spoof below", "bona fide above")]
    for name, path in shipped_models().items():
        contract, size = read_contract(path), path.stat().st_size
        bounds = contract.thresholds
        if as_json:
            facts = {
                "name": name,
                "path": str(path),
                "model_bytes": size,
                "parameters": contract.parameters,
                "quantization": contract.quantization,
                "spoof_below": bounds.spoof_below,
                "bonafide_above": bounds.bonafide_above,
                "bpcer": bounds.bpcer,
                "apcer": bounds.apcer,
            }
            click.echo(json.dumps(facts))
        rows.append(
            (
                name,
                f"{size / 1000:.0f}",
                f"{contract.parameters:,}",
                contract.quantization,
                f"{bounds.spoof_below:.2f}",
                f"{bounds.bonafide_above:.2f}",
            )
        )
    if not as_json:
        click.echo("\n".join(columns(rows)))
