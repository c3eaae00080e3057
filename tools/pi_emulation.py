"""Run the detector as a Raspberry Pi would, and compare its scores with this machine's.

An ARM system is unpacked from Debian packages, the runtimes from the registry's wheels for ARM, this project from its
own wheel; qemu plays the processor. There `edge score` hears at least a hundred recordings, `edge listen` a call,
`edge bench --no-timing` its synthetic voice, and a stream is fed in odd pieces. Times under emulation mean nothing and
are not told. Needs root (chroot) and `apt install qemu-user-static debootstrap`; the systems, about 250 MB each and
100 MB more for each runtime, stay in the cache, which may be deleted at any time.

Exit codes: 0 all is within the bound (`pi_check/comparison.py` tells why that one); 1 something is not, or a step
failed; 3 the emulation cannot run here, for want of a program, of root or of Debian's packages.

Example: sudo .venv/bin/python tools/pi_emulation.py --target arm64-litert
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from pi_check.bundle import ROOT, Bundle, fill
from pi_check.clips import call, example_clips, manifest_clips
from pi_check.comparison import BOUND_NATS, Comparison, as_json, compare, text_table
from pi_check.machines import emulated, native
from pi_check.measurement import Measurement, measure
from pi_check.system import Tell, build_system, install_wheels, require_programs
from pi_check.targets import TARGETS, UnavailableError

from edge.catalog import resolve_model
from edge.contract import Contract, read_contract
from edge.errors import EdgeError

CACHE = Path.home() / ".cache" / "bonafone" / "pi"
CLIPS = 104
_EXIT_FAULT, _EXIT_UNAVAILABLE = 1, 3
_EXAMPLES = ROOT / "examples"


def emulate(
    names: Sequence[str], bundle: Bundle, contract: Contract, cache: Path, mirror: str | None, jobs: int, tell: Tell
) -> tuple[Measurement, list[Comparison]]:
    """Measure here and on each target, ``jobs`` at a time; return this machine's measurement and the comparisons.

    Raises
    ------
    UnavailableError
        A program, the right to use it, or Debian's packages are not to be had.
    EmulationError
        Anything else goes wrong.
    """
    targets = {name: TARGETS[name] for name in names}
    require_programs([target.board for target in targets.values()])
    live = bool(contract.operating_points)

    def run(name: str) -> Comparison:
        target = targets[name]
        root = build_system(target.board, cache, mirror, tell)
        packages = install_wheels(target, root, cache, tell) / "packages"
        tell(f"{name}: scoring")
        with emulated(target.board, root, packages, bundle.folder) as machine:
            there = measure(machine, bundle, resamples=target.resamples, live=live)
        return compare(name, target.board, here, there, contract.thresholds)

    here = measure(native(bundle.folder), bundle, resamples=True, live=live)
    with ThreadPoolExecutor(jobs) as pool:
        return here, list(pool.map(run, targets))


def prepare(folder: Path, model: Path, count: int, manifest: Path | None, split: str) -> Bundle:
    """Fill an empty folder with all that the machines need."""
    recordings = folder / "clips"
    recordings.mkdir()
    if manifest is None:
        clips = example_clips(_EXAMPLES, recordings, count)
    else:
        clips = manifest_clips(manifest, split, recordings, count)
    return fill(folder, model, clips, call(_EXAMPLES, folder))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--target", action="append", choices=TARGETS, help="may be repeated (default: all)")
    parser.add_argument("--clips", type=int, default=CLIPS, help=f"recordings to score (default: {CLIPS})")
    parser.add_argument("--manifest", type=Path, help="take them from a manifest (default: pieces of the examples)")
    parser.add_argument("--split", default="dev", help="of the manifest (default: dev)")
    parser.add_argument("--model", help="a .tflite, or a shipped model by name (default: the newest shipped)")
    parser.add_argument("--cache", type=Path, default=CACHE, help=f"where systems are kept (default: {CACHE})")
    parser.add_argument("--mirror", help="URL of a Debian mirror (default: debootstrap's own)")
    parser.add_argument("--jobs", type=int, default=2, help="targets at a time (default: 2)")
    parser.add_argument("--json", action="store_true", help="print JSON, one object a line")
    arguments = parser.parse_args()
    if arguments.jobs < 1:
        parser.error(f"--jobs: expected 1 or more, got {arguments.jobs}")
    names = arguments.target or list(TARGETS)
    try:
        # First, and not after the work of preparing.
        require_programs([TARGETS[name].board for name in names])
        model = resolve_model(arguments.model)
        contract = read_contract(model)
        with tempfile.TemporaryDirectory() as folder:
            bundle = prepare(Path(folder), model, arguments.clips, arguments.manifest, arguments.split)
            here, found = emulate(names, bundle, contract, arguments.cache, arguments.mirror, arguments.jobs, _tell)
    except EdgeError as error:
        print(error, file=sys.stderr)
        return _EXIT_UNAVAILABLE if isinstance(error, UnavailableError) else _EXIT_FAULT
    if arguments.json:
        print("\n".join(json.dumps({"model": contract.name, "native": here.facts, **as_json(one)}) for one in found))
    else:
        print(f"{contract.name} against {here.facts['runtime']} on {here.facts['machine']}; bound {BOUND_NATS:g} nats")
        print(text_table(found))
    return _EXIT_FAULT if any(one.faults for one in found) else 0


def _tell(text: str) -> None:
    print(text, file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
