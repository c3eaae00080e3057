"""`workbench quantize`. Heavy imports stay inside, so that --help answers at once."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from workbench.cli.options import OutputFile, cache_option


@click.command()
@click.argument("run_path", metavar="RUN", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option(
    "-o",
    "--output",
    type=OutputFile(),
    help="The .tflite to write.  [default: RUN/NAME.tflite]",
)
@click.option("--name", help="The model's name.  [default: the configuration's]")
@click.option(
    "--method",
    type=click.Choice(["ptq", "qat", "float"]),
    default="ptq",
    help="Post-training int8, quantisation-aware training, or float32.",
)
@click.option(
    "--prune",
    "sparsity",
    type=click.FloatRange(0, 0.95),
    default=0.0,
    help="Share of convolution weights to set to zero.",
)
@click.option("--prune-steps", type=click.IntRange(1), default=600, help="Steps of fine-tuning while pruning.")
@click.option("--qat-steps", type=click.IntRange(1), default=300, help="Steps of quantisation-aware fine-tuning.")
@click.option(
    "--max-eer-loss",
    type=click.FloatRange(0, 1),
    default=0.005,
    help="Parity gate: int8 dev EER may exceed float by this (a fraction).",
)
@click.option(
    "--bpcer",
    type=click.FloatRange(0, 0.5),
    default=0.02,
    help="Fraction of bona fide dev clips that may be called spoof; sets the spoof threshold.",
)
@click.option(
    "--apcer",
    type=click.FloatRange(0, 0.5),
    default=0.05,
    help="Fraction of spoof dev clips that may be called bona fide; sets the bona fide threshold.",
)
@click.option("--ignore-parity", is_flag=True, help="Write the model and exit 0 even if the gate fails.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as one JSON object.")
@cache_option
def quantize(
    run_path: Path,
    output: Path | None,
    name: str | None,
    cache: Path,
    ignore_parity: bool,
    as_json: bool,
    **options: Any,
) -> None:
    """Turn a run into an int8 .tflite with its contract inside.

    Example: workbench quantize runs/first -o first.tflite
    """
    from workbench.models.quiet_tensorflow import load_tensorflow

    load_tensorflow()
    from workbench.deploy.quantize import run_quantization

    result = run_quantization(run_path, output, name, cache, options, ignore_parity=ignore_parity)
    click.echo(json.dumps(result) if as_json else _quantization_text(result))


def _quantization_text(result: dict[str, Any]) -> str:
    doubt = (
        f"dev is too small to tell how good this model is: {result['dev_doubt']}. Its probabilities and thresholds "
        "are cautious guesses\n"
        if result["dev_doubt"]
        else ""
    )
    return (
        f"{result['output']}: {result['model_bytes'] / 1000:.0f} kB, {result['parameters']:,} parameters, "
        f"{result['quantization']}\n"
        f"dev EER {100 * result['dev_eer_float']:.2f} % float, {100 * result['dev_eer_int8']:.2f} % deployed; "
        f"largest score difference {result['max_score_difference']:.3f}\n{doubt}"
        f"next: edge score --model {result['output']} FILE"
    )
