"""Run many tasks, in one process or several, and keep a journal, so that a killed run resumes exactly."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from types import TracebackType

from workbench.data.manifest import Manifest, Row, mark_seen_attacks, read_manifest, write_manifest
from workbench.synth.catalog import choose_engines
from workbench.synth.making import make
from workbench.synth.tasks import Task, plan_copies, plan_speech, read_texts

NAME = "journal.jsonl"


class Journal:
    """The rows of finished clips in a folder; the file of a clip is written before its line."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.rows: dict[str, Row] = {}
        self.originals: dict[str, tuple[Row, Path]] = {}
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / NAME
        torn = False
        if path.exists():
            text = path.read_text("utf-8")
            torn = bool(text) and not text.endswith("\n")
            for line in text.splitlines():
                self._read(line)
        self._file = open(path, "a", encoding="utf-8")  # noqa: SIM115 - closed by the context that this object is
        if torn:
            self._file.write("\n")

    def __enter__(self) -> Journal:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def __contains__(self, file: str) -> bool:
        return file in self.rows

    def add(self, row: Row, original: tuple[Row, Path] | None) -> None:
        """Record that the clip of ``row`` is finished, and which recording it copies."""
        self.rows[row.path] = row
        record: dict[str, object] = {"row": asdict(row)}
        if original is not None:
            self.originals[row.path] = original
            record["original"] = {"row": asdict(original[0]), "file": str(original[1].resolve())}
        self._file.write(json.dumps(record) + "\n")
        self._file.flush()

    def write_manifest(self, *, with_originals: bool) -> Path | None:
        """Write ``manifest.tsv`` of the finished clips and return its path; None without any."""
        rows = list(self.rows.values())
        if with_originals:
            rows += self._original_rows()
        if not rows:
            return None
        path = self._folder / "manifest.tsv"
        marked = mark_seen_attacks(sorted(rows, key=lambda row: row.path))
        write_manifest(Manifest(marked, self._folder), path)
        return path

    def _original_rows(self) -> Iterable[Row]:
        root = self._folder.resolve()
        found = {}
        for row, file in self.originals.values():
            path = os.path.relpath(file.resolve(), root)
            found[path] = Row(**{**asdict(row), "path": path, "paired": "yes"})
        return found.values()

    def _read(self, line: str) -> None:
        try:
            record = json.loads(line)
            row = Row(**record["row"])
        except (ValueError, KeyError, TypeError):
            # The line that a kill cut short: its clip is made again.
            return
        if not (self._folder / row.path).is_file():
            return
        self.rows[row.path] = row
        if "original" in record:
            self.originals[row.path] = (Row(**record["original"]["row"]), Path(record["original"]["file"]))


Outcome = tuple[Task, Row | None, str]
Progress = Callable[[Iterable[Outcome], int], Iterable[Outcome]]
_MANIFEST_EVERY = 100
_AHEAD = 4
"""Tasks in flight for each process, so that an interruption waits for few."""


@dataclass(frozen=True)
class Result:
    """The result of a run: clips made, clips kept from before, and failures with their reasons."""

    made: int
    kept: int
    failures: tuple[str, ...]
    manifest: Path | None


def synthesise(
    manifest: Path | None,
    folder: Path,
    engines: Path,
    names: Sequence[str],
    texts: Path | None,
    splits: Sequence[str],
    per_clip: int,
    limit: int | None,
    with_originals: bool,
    jobs: int,
    seed: int,
    progress: Progress = lambda outcomes, total: outcomes,
) -> Result:
    """Copy the bona fide clips of ``manifest`` and read ``texts`` aloud, by the engines ``names``, into ``folder``.

    Raises
    ------
    ValueError
        A copy engine is named, but no manifest.
    SynthesisError, ManifestError
        An engine cannot run, or the sentences or the manifest cannot be read.
    """
    specs = choose_engines(names, engines)
    copying = [spec.name for spec in specs if spec.kind == "copy"]
    speaking = [spec for spec in specs if spec.kind == "tts"]
    tasks: list[Task] = []
    if copying:
        if manifest is None:
            raise ValueError(f"to copy recordings by {', '.join(copying)}, give the MANIFEST that lists them")
        found = read_manifest(manifest)
        tasks += plan_copies(copying, found, splits=splits, per_clip=per_clip, limit=limit, seed=seed)
    if speaking:
        tasks += plan_speech(speaking, read_texts(texts), limit=limit, seed=seed)
    return run_tasks(tasks, folder, engines, jobs=jobs, with_originals=with_originals, progress=progress)


def run_tasks(
    tasks: Sequence[Task],
    folder: Path,
    engines: Path,
    *,
    jobs: int,
    with_originals: bool,
    progress: Progress = lambda outcomes, total: outcomes,
) -> Result:
    """Run the unfinished tasks; write the manifest every 100 clips, at the end, and when interrupted."""
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
