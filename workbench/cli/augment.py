"""`workbench augment`; heavy imports stay inside, so that --help answers at once."""

from __future__ import annotations

import json
from pathlib import Path

import click

from workbench.cli.output_file import OutputFile
from workbench.transmissions.names import CHANNELS, TRANSMISSION_NAMES

_FILE = OutputFile()


@click.command()
@click.argument("file", required=False, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("-o", "--output", type=_FILE, help="The recording to write: .flac or .wav, mono, 16 kHz.")
@click.option("--channel", type=click.Choice(TRANSMISSION_NAMES), metavar="NAME", help="Pass it through this channel.")
@click.option("--config", help="Augment it as a configuration does in training: a TOML file, or a shipped name.")
@click.option("--seed", type=int, default=0, help="Of everything drawn.")
@click.option(
    "--noise",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Folder of recorded backgrounds and impulse responses to draw from.",
)
@click.option("--plot", type=_FILE, help="Draw waveform, spectrogram and long-term spectrum there, before and after.")
@click.option("--list", "list_channels", is_flag=True, help="Print the channels and stop.")
@click.option("--json", "as_json", is_flag=True, help="Print what was drawn as one JSON object.")
def augment(
    file: Path | None,
    output: Path | None,
    channel: str | None,
    config: str | None,
    seed: int,
    noise: Path | None,
    plot: Path | None,
    list_channels: bool,
    as_json: bool,
) -> None:
    """Hear what training hears: pass one recording through a channel or a configuration, and tell what was drawn.

    Example: workbench augment voice.flac -o call.flac --channel telephone --seed 3 --plot call.png
    """
    if list_channels:
        click.echo(json.dumps(CHANNELS, ensure_ascii=False) if as_json else _channel_table())
        return
    if file is None or output is None:
        raise click.UsageError("give FILE and -o OUTPUT, or --list")
    if (channel is None) == (config is None):
        raise click.UsageError("give one of --channel NAME (see --list) and --config CONFIG")
    from workbench.transmissions.augment_file import augment_file

    result = augment_file(file, output, channel=channel, config=config, seed=seed, noise_folder=noise, plot=plot)
    if as_json:
        click.echo(json.dumps(result.to_dict()))
        return
    for step in result.steps:
        click.echo(step)
    click.echo(f"{output}: {result.duration_s:.2f} s{f'; plot: {plot}' if plot else ''}")


def _channel_table() -> str:
    width = max(map(len, CHANNELS))
    return "\n".join(f"{name:<{width}}  {text}" for name, text in CHANNELS.items())
