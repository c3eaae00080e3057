"""The run folder: what is needed to understand, resume and repeat a training run.

RUN/run.json           config, seed, versions, manifest path and digest, git revision
RUN/history.jsonl      one object an epoch
RUN/checkpoints/       resumable state
RUN/best.weights.h5    weights of the best dev epoch
RUN/tensorboard/       curves, images, and clips of the corpus unless train.descent.tensorboard_audio is off
"""

from __future__ import annotations

import json
import platform
import subprocess
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from workbench.config import ExperimentConfig, config_from_dict
from workbench.data.atomic_file import write_atomically
from workbench.errors import TrainingError

_PACKAGES = ("bonafone", "tensorflow", "tensorflow-cpu", "tf-keras", "tensorflow-model-optimization", "numpy", "soxr")


@dataclass(frozen=True)
class RunInfo:
    """The content of ``run.json``."""

    config: ExperimentConfig
    manifest: str
    manifest_root: str
    manifest_digest: str
    noise: str
    git_revision: str
    versions: dict[str, str]


@dataclass(frozen=True)
class RunFolder:
    """Paths and records of one run."""

    path: Path

    @property
    def weights(self) -> Path:
        return self.path / "best.weights.h5"

    @property
    def checkpoints(self) -> Path:
        return self.path / "checkpoints"

    @property
    def tensorboard(self) -> Path:
        return self.path / "tensorboard"

    def create(self, info: RunInfo) -> None:
        """Make the folder, or check that an earlier start had the same configuration and data.

        Raises
        ------
        TrainingError
            The folder holds another run.
        """
        self.path.mkdir(parents=True, exist_ok=True)
        if not (self.path / "run.json").exists():
            write_atomically(self.path / "run.json", json.dumps(asdict(info), indent=1))
            return
        earlier = self.info()
        if (earlier.config, earlier.manifest_digest) != (info.config, info.manifest_digest):
            raise TrainingError(
                f"{self.path} holds a run with another configuration or manifest; "
                "give another --run folder, or the same options to resume it"
            )

    def info(self) -> RunInfo:
        """Read ``run.json``.

        Raises
        ------
        TrainingError
            It is missing or unreadable.
        """
        try:
            data = json.loads((self.path / "run.json").read_text())
            config = config_from_dict(data.pop("config"), f"{self.path}/run.json")
            return RunInfo(config=config, **data)
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise TrainingError(f"{self.path}: not a run folder of `workbench train` ({error})") from error

    def history(self) -> list[dict[str, Any]]:
        """Read the records of the epochs, oldest first."""
        file = self.path / "history.jsonl"
        return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []

    def save_weights(self, model: Any) -> None:
        """Replace the run's weights by those of the Keras ``model``."""
        temporary = self.path / ".best.tmp.weights.h5"
        model.save_weights(temporary)
        temporary.replace(self.weights)

    def write_history(self, records: list[dict[str, Any]]) -> None:
        """Replace the history."""
        write_atomically(self.path / "history.jsonl", "".join(json.dumps(record) + "\n" for record in records))


def collect_versions() -> dict[str, str]:
    """Collect the versions of Python, of this project and of the packages that affect a result."""
    found = {"python": platform.python_version()}
    for package in _PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def git_revision(folder: Path) -> str:
    """Return the commit of ``folder``, with ``+`` if its tracked files are changed; empty outside a checkout."""
    command = ["git", "-C", str(folder), "describe", "--always", "--dirty=+", "--abbrev=12", "--exclude=*"]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return ""
