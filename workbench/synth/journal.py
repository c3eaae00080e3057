"""What is finished already: one line of JSON a clip, so that a killed run goes on exactly where it was."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from types import TracebackType

from workbench.data.manifest import Manifest, Row, mark_seen_attacks, write_manifest

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
        """Note that the clip of ``row`` is finished, and which recording it copies."""
        self.rows[row.path] = row
        record: dict[str, object] = {"row": asdict(row)}
        if original is not None:
            self.originals[row.path] = original
            record["original"] = {"row": asdict(original[0]), "file": str(original[1].resolve())}
        self._file.write(json.dumps(record) + "\n")
        self._file.flush()

    def write_manifest(self, *, with_originals: bool) -> Path | None:
        """Write ``manifest.tsv`` of all that is finished, and return its path; nothing if nothing is."""
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
