"""Do many tasks, in one process or several, keep what is finished, and name what failed."""

from __future__ import annotations

import multiprocessing
import signal
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from workbench.data.manifest import Row
from workbench.synth.journal import Journal
from workbench.synth.making import make
from workbench.synth.tasks import Task

Outcome = tuple[Task, Row | None, str]
_MANIFEST_EVERY = 100
_AHEAD = 4
"""Tasks in flight for each process, so that an interruption waits for few."""


@dataclass(frozen=True)
class Result:
    """What a run did: clips made now, clips kept from before, and what failed, with the reason."""

    made: int
    kept: int
    failures: tuple[str, ...]
    manifest: Path | None


def run_tasks(
    tasks: Sequence[Task],
    folder: Path,
    engines: Path,
    *,
    jobs: int,
    with_originals: bool,
    progress: Callable[[Iterable[Outcome], int], Iterable[Outcome]] = lambda outcomes, total: outcomes,
) -> Result:
    """Do what is not done yet and write the manifest: every 100 clips, at the end, and when interrupted."""
    made, failures = 0, []
    with Journal(folder) as journal:
        waiting = [task for task in tasks if task.file not in journal]
        try:
            for task, row, reason in progress(_outcomes(waiting, folder, engines, jobs), len(waiting)):
                if row is None:
                    failures.append(f"{task.engine}, {_subject(task)}: {reason}")
                    continue
                journal.add(row, task.original)
                made += 1
                if made % _MANIFEST_EVERY == 0:
                    journal.write_manifest(with_originals=with_originals)
        finally:
            manifest = journal.write_manifest(with_originals=with_originals)
    return Result(made, len(tasks) - len(waiting), tuple(failures), manifest)


def _subject(task: Task) -> str:
    return task.original[0].path if task.original is not None else f"{task.voice}, {task.sentence}"


def _outcomes(tasks: Sequence[Task], folder: Path, engines: Path, jobs: int) -> Iterator[Outcome]:
    if jobs == 1:
        for task in tasks:
            yield _attempt(task, folder, engines)
        return
    # A fresh interpreter: the engines' runtimes do not survive a fork of a process that has used them.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(jobs, context, _leave_interrupts_to_the_parent) as pool:
        rest = iter(tasks)
        running = {pool.submit(_attempt, task, folder, engines) for task in islice(rest, jobs * _AHEAD)}
        while running:
            finished, running = wait(running, return_when=FIRST_COMPLETED)
            for future in finished:
                yield future.result()
                running |= {pool.submit(_attempt, task, folder, engines) for task in islice(rest, 1)}


def _attempt(task: Task, folder: Path, engines: Path) -> Outcome:
    try:
        return task, make(task, folder, engines), ""
    except Exception as error:  # noqa: BLE001 - whatever an engine raises is the reason of this one clip
        return task, None, f"{type(error).__name__}: {error}"


def _leave_interrupts_to_the_parent() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
