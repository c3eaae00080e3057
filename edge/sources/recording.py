"""A recording as a source, at the pace at which it was recorded: everything live can be tried without a call."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import numpy as np

from edge.audio.reading import AudioFile, open_audio, select_channels
from edge.errors import AudioError, ChannelError
from edge.service.source_address import SourceSyntaxError
from edge.sources.events import Clock, Idle, Source, SourceEvent, Track
from edge.sources.pcm import check_channel

BLOCK_SAMPLES = 1024
"""64 ms at 16 kHz: as a sound card would deliver."""
_TURN_S = 1.0
"""Longest sleep: at a slow pace a block may take minutes, and the consumer may want to stop."""


class RecordingSource(Source):
    """Yield a recording as one stream, each chunk when its last sample would have been recorded.

    Parameters
    ----------
    pace : times real time, > 0; infinity reads as fast as possible.
    channel : ``mix``, ``left``, ``right`` or a number from 1.

    Raises
    ------
    SourceSyntaxError
        A pace of 0 or less, or a channel of another form.
    AudioError
        On opening: the file cannot be read, or lacks the channel.
    """

    def __init__(self, path: str | Path, *, pace: float = 1.0, channel: str = "mix", clock: Clock = time) -> None:
        if not pace > 0.0:
            raise SourceSyntaxError(f"pace {pace:g}: expected more than 0 (1 is real time, inf as fast as possible)")
        check_channel(channel)
        self.name = f"file:{path}"
        self._path = Path(path)
        self._pace = pace
        self._channel = channel
        self._clock = clock
        self._stack = ExitStack()
        self._audio: AudioFile | None = None

    def open(self) -> None:
        """Open the file."""
        audio = self._stack.enter_context(open_audio(self._path, block_samples=BLOCK_SAMPLES))
        try:
            select_channels(np.zeros((1, audio.channels), np.float32), self._channel)
        except ChannelError as error:
            self._stack.close()
            raise ChannelError(f"{self._path}: {error}") from error
        self._audio = audio

    def close(self) -> None:
        """Close the file."""
        self._audio = None
        self._stack.close()

    def __iter__(self) -> Iterator[SourceEvent]:
        """Yield the recording; a damaged one ends where the damage begins, as bad data."""
        if self._audio is None:
            return
        track = Track("file", self._audio.sample_rate)
        yield track.start(str(self._path))
        started_at = self._clock.monotonic()
        try:
            for block in self._audio:
                ((_, samples),) = select_channels(block, self._channel)
                if not len(samples):
                    continue
                chunk = track.audio(samples)
                # Counted from the start, not from the last chunk: errors of sleeping must not add up.
                yield from self._wait_until(started_at + chunk.end / chunk.sample_rate / self._pace)
                yield chunk
        except AudioError as error:
            yield track.end("bad_data", str(error))
            return
        if track.position:
            yield track.end("finished")
        else:
            yield track.end(
                "bad_data", f"{self._path}: holds no samples; expected a recording, record or copy it again"
            )

    def _wait_until(self, due_at: float) -> Iterator[Idle]:
        started_at = self._clock.monotonic()
        while (left_s := due_at - self._clock.monotonic()) > _TURN_S:
            self._clock.sleep(_TURN_S)
            yield Idle(self._clock.monotonic() - started_at)
        if left_s > 0.0:
            self._clock.sleep(left_s)
