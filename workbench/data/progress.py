"""Progress on stderr: bars on a terminal, a plain line an epoch elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from types import TracebackType
from typing import Any

from tqdm import tqdm


def watch(items: Iterable[Any], total: int | None = None, what: str = "") -> Iterable[Any]:
    """Draw a bar over ``items`` when stderr is a terminal."""
    return tqdm(items, total=total, desc=what, file=sys.stderr, disable=not sys.stderr.isatty(), leave=False)


class EpochBar:
    """Shows one epoch: a bar with the loss while it runs, a line with the dev figures when it ends."""

    def __init__(self, epoch: int, steps: int) -> None:
        self._bar = tqdm(
            total=steps, desc=f"epoch {epoch}", file=sys.stderr, disable=not sys.stderr.isatty(), leave=False
        )

    def __enter__(self) -> EpochBar:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.close()

    def update(self, loss: float) -> None:
        """Advance the bar by one step."""
        self._bar.set_postfix(loss=f"{loss:.3f}", refresh=False)
        self._bar.update()

    def finish(self, record: dict[str, Any]) -> None:
        """Print the line of the epoch."""
        paired = "" if record["dev_paired_eer"] is None else f", paired {100 * record['dev_paired_eer']:.1f} %"
        line = f"epoch {record['epoch']}: loss {record['loss']:.3f}, dev EER {100 * record['dev_eer']:.1f} %{paired}"
        tqdm.write(line, file=sys.stderr)
