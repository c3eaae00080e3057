"""`workbench augment`; heavy imports stay inside, so that --help answers at once."""

from __future__ import annotations

import json
from pathlib import Path

import click

from workbench.cli.options import OutputFile
from workbench.transmissions.names import TRANSMISSION_NAMES, TRANSMISSIONS

_FILE = OutputFile()


@click.command()
@click.argument("file", required=False, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("-o", "--output", type=_FILE, help="The recording to write: .flac or .wav, mono, 16 kHz.")
@click.option(
    "--transmission",
    type=click.Choice(TRANSMISSION_NAMES),
    metavar="NAME",
    help="Codec, room or call to pass it through.",
)
@click.option("--config", help="Augment it as a configuration does in training: a TOML file, or a shipped name.")
@click.option("--seed", type=int, default=0, help="Of everything drawn.")
@click.option(
    "--noise",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Folder of recorded backgrounds and impulse responses to draw from.",
)
@click.option("--plot", type=_FILE, help="Draw waveform, spectrogram and long-term spectrum there, before and after.")
@click.option("--list", "list_transmissions", is_flag=True, help="Print the transmissions and stop.")
@click.option("--json", "as_json", is_flag=True, help="Print what was drawn as one JSON object.")
def augment(
    file: Path | None,
    output: Path | None,
    transmission: str | None,
    config: str | None,
    seed: int,
    noise: Path | None,
    plot: Path | None,
    list_transmissions: bool,
    as_json: bool,
) -> None:
    """Pass one recording through a transmission or a configuration's augmentation, and print what was drawn.

    Example: workbench augment voice.flac -o call.flac --transmission telephone --seed 3 --plot call.png
    """
    if list_transmissions:
        click.echo(json.dumps(TRANSMISSIONS, ensure_ascii=False) if as_json else _transmission_table())
        return
    if file is None or output is None:
        raise click.UsageError("give FILE and -o OUTPUT, or --list")
    if (transmission is None) == (config is None):
        raise click.UsageError("give one of --transmission NAME (see --list) and --config CONFIG")
    from workbench.transmissions.augment_file import augment_file

    result = augment_file(
        file, output, transmission=transmission, config=config, seed=seed, noise_folder=noise, plot=plot
    )
    if as_json:
        click.echo(json.dumps(result.to_dict()))
        return
    for step in result.steps:
        click.echo(step)
    click.echo(f"{output}: {result.duration_s:.2f} s{f'; plot: {plot}' if plot else ''}")


def _transmission_table() -> str:
    width = max(map(len, TRANSMISSIONS))
    return "\n".join(f"{name:<{width}}  {text}" for name, text in TRANSMISSIONS.items())
