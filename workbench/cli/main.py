"""`workbench`: train, quantise and evaluate detectors. Commands parse, call one function, print."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from edge.errors import EdgeError
from workbench.cli.augment import augment
from workbench.cli.calibrate import calibrate
from workbench.cli.corpus import corpus
from workbench.cli.output_file import OutputFile
from workbench.cli.report import card, evaluate, report
from workbench.cli.synth import synth
from workbench.cli.tune import tune
from workbench.models.quiet_tensorflow import load_tensorflow


class _Group(click.Group):
    """Prints the project's own errors as one line instead of a traceback."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except EdgeError as error:
            raise click.ClickException(str(error)) from error
        except ModuleNotFoundError as error:
            if error.name is None or error.name.split(".")[0] in ("edge", "workbench"):
                raise
            extra = "workbench,tune" if error.name in ("optuna", "sqlalchemy") else "workbench"
            raise click.ClickException(
                f"{error.name} is not installed; the workbench needs its extra: pip install 'bonafone[{extra}]'"
            ) from error


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"], "show_default": True})
@click.version_option(package_name="bonafone")
def main() -> None:
    """Train a detector of synthetic speech and turn it into an int8 TFLite model."""


_cache_option = click.option(
    "--cache",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path.home() / ".cache" / "bonafone",
    show_default="~/.cache/bonafone",
    help="Folder for decoded audio.",
)


@main.command()
@click.option(
    "--bonafide",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Folder of recordings of real people.",
)
@click.option(
    "--spoof", type=click.Path(exists=True, file_okay=False, path_type=Path), help="Folder of synthetic speech."
)
@click.option(
    "--manifest",
    "manifests",
    multiple=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Manifest (TSV) instead of two folders; several are joined.",
)
@click.option(
    "--config",
    help="TOML configuration: a file, or a shipped one by name: patches, tcn, dessa, asvspoof2019.  [default: tcn]",
)
@click.option(
    "--run",
    "run_path",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("runs/tcn"),
    help="Run folder; resumed if it exists.",
)
@click.option(
    "--noise",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Folder of background noise to mix in.",
)
@click.option("--epochs", type=click.IntRange(1), help="Epochs at most.  [default: from the configuration]")
@click.option("--steps-per-epoch", type=click.IntRange(1), help="Batches an epoch.  [default: from the configuration]")
@click.option("--batch-size", type=click.IntRange(2), help="Clips a batch.  [default: from the configuration]")
@click.option("--seed", type=int, help="Seed of everything random.  [default: from the configuration]")
@click.option("--json", "as_json", is_flag=True, help="Print the result as one JSON object.")
@_cache_option
def train(
    bonafide: Path | None,
    spoof: Path | None,
    manifests: tuple[Path, ...],
    config: str | None,
    run_path: Path,
    noise: Path | None,
    cache: Path,
    as_json: bool,
    **options: Any,
) -> None:
    """Train a detector and leave a run folder. The data are given by options, or by the configuration's [data].

    Example: workbench train --bonafide real/ --spoof fake/ --run runs/first
    """
    load_tensorflow()
    from workbench.train.commands import run_training

    data = {
        "manifest": manifests[0] if manifests else None,
        "more_manifests": manifests[1:],
        "bonafide": bonafide,
        "spoof": spoof,
        "noise": noise,
    }
    result = run_training(data, config, run_path, cache, options)
    click.echo(json.dumps(result) if as_json else _training_text(result))


def _training_text(result: dict[str, Any]) -> str:
    return (
        f"{result['run']}: {result['epochs']} epochs, best dev EER {100 * result['best_dev_eer']:.1f} % "
        f"(epoch {result['best_epoch']}); next: workbench quantize {result['run']}"
    )


@main.command()
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
@_cache_option
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
    load_tensorflow()
    from workbench.train.commands import run_quantization

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


main.add_command(augment)
main.add_command(calibrate)
main.add_command(corpus)
main.add_command(evaluate)
main.add_command(report)
main.add_command(card)
main.add_command(synth)
main.add_command(tune)


if __name__ == "__main__":
    main()
