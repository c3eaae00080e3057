"""The boards that are emulated, and what is installed on each: data."""

from __future__ import annotations

from dataclasses import dataclass

from edge.errors import EdgeError

SUITE = "bookworm"
"""The Debian release with the last Python that tflite-runtime 2.14 has a wheel for."""
PYTHON = (3, 11)
_GLIBC_MINOR = 36
"""Of that release (glibc 2.36): wheels up to it can be loaded."""
_OLDEST_MINOR = 17


class EmulationError(EdgeError):
    """A step of the emulation failed."""


class UnavailableError(EmulationError):
    """What the emulation needs is not to be had here: a program, the right to use it, or the packages."""


@dataclass(frozen=True)
class Board:
    """A processor, and the system on it.

    Attributes
    ----------
    machine : as ``uname -m`` calls it, and as the tags of wheels do.
    architecture : Debian's name of it.
    emulator, processor : the program, and its ``-cpu``.
    boards : whose processor that is.
    packages : Debian packages beyond the least system.
    libraries : folders that the loader would find by links which only an installation makes.
    links : a path below the root and what it points at; for those who look a library up by running another program,
        which here would be one for a foreign processor.
    """

    machine: str
    architecture: str
    emulator: str
    processor: str
    boards: str
    packages: tuple[str, ...]
    libraries: tuple[str, ...] = ()
    links: tuple[tuple[str, str], ...] = ()

    def wheel_platforms(self) -> list[str]:
        """The platform tags of the wheels that run on it, the newest first."""
        minors = range(_GLIBC_MINOR, _OLDEST_MINOR - 1, -1)
        return [*(f"manylinux_2_{minor}_{self.machine}" for minor in minors), f"manylinux2014_{self.machine}"]


@dataclass(frozen=True)
class Target:
    """A board with one of the runtimes.

    Attributes
    ----------
    requirements : what pip fetches for it.
    unconstrained : distributions whose version in constraints.txt does not fit this target.
    with_dependencies : False where some of them have no wheel for the board and come from Debian.
    resamples : whether soxr is there; without it only recordings at the model's rate can be scored.
    """

    board: Board
    requirements: tuple[str, ...]
    unconstrained: tuple[str, ...] = ()
    with_dependencies: bool = True
    resamples: bool = True


_COMMON = ("numpy", "click", "soundfile", "soxr")
_ARM64 = Board(
    "aarch64", "arm64", "qemu-aarch64-static", "cortex-a72", "Raspberry Pi 4", ("python3", "ca-certificates")
)
_ARMV7 = Board(
    "armv7l",
    "armhf",
    "qemu-arm-static",
    "cortex-a7",
    "Raspberry Pi 2",
    # The backend is a dependency by a name that it provides, which debootstrap does not follow.
    ("python3", "ca-certificates", "python3-numpy", "python3-click", "python3-soundfile", "python3-cffi-backend"),
    ("/usr/lib/arm-linux-gnueabihf/blas", "/usr/lib/arm-linux-gnueabihf/lapack"),
    (("usr/lib/arm-linux-gnueabihf/libsndfile.so", "libsndfile.so.1"),),
)
TARGETS = {
    "arm64-litert": Target(_ARM64, ("ai-edge-litert", *_COMMON)),
    "arm64-tflite": Target(_ARM64, ("tflite-runtime==2.14.0", "numpy<2", *_COMMON[1:]), unconstrained=("numpy",)),
    # No wheel of numpy, cffi or soxr for 32-bit ARM is in the registry; Debian has the first two.
    "armv7l-tflite": Target(
        _ARMV7, ("tflite-runtime==2.14.0", "typing_extensions"), with_dependencies=False, resamples=False
    ),
}
