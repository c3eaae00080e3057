"""`workbench augment`; heavy imports stay inside, so that --help answers at once."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from workbench.cli.options import OutputFile
from workbench.transmissions import TRANSMISSION_NAMES, TRANSMISSIONS

if TYPE_CHECKING:
    from workbench.transmissions.augment_file import Augmented

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
    made = _augmented(file, output, transmission, config, seed, noise, plot)
    if as_json:
        steps = [step.to_dict() for step in made.steps]
        parts = {"path": str(file), "output": str(output), "seed": seed, "duration_s": made.duration_s, "steps": steps}
        click.echo(json.dumps(parts))
        return
    for step in made.steps:
        click.echo(step)
    click.echo(f"{output}: {made.duration_s:.2f} s{f'; plot: {plot}' if plot else ''}")


def _augmented(
    file: Path,
    output: Path,
    transmission: str | None,
    config: str | None,
    seed: int,
    noise: Path | None,
    plot: Path | None,
) -> Augmented:
    from workbench.config import load_config
    from workbench.data.cache import decode
    from workbench.data.recordings import Recordings, read_recordings
    from workbench.errors import AugmentError
    from workbench.transmissions.augment_file import SAMPLE_RATE, augment_file, check_names

    check_names(output, plot)
    samples = decode(file, SAMPLE_RATE)
    if not len(samples):
        raise AugmentError(f"{file}: holds no sample; expected a recording")
    found = Recordings() if noise is None else read_recordings(noise, SAMPLE_RATE)
    return augment_file(
        samples,
        output,
        transmission or load_config(config or "").augment,
        seed=seed,
        noises=found.noises,
        rooms=found.rooms,
        plot=plot,
        title=transmission or config or "",
    )


def _transmission_table() -> str:
    width = max(map(len, TRANSMISSIONS))
    return "\n".join(f"{name:<{width}}  {text}" for name, text in TRANSMISSIONS.items())
