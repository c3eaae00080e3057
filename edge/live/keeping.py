"""Clips of alarms, kept only when asked: which audio goes to which recorder."""

from __future__ import annotations

import json
from collections.abc import Callable

from edge.live.clips import ClipError, ClipFolder, ClipRecorder
from edge.live.reports import Alarm, redacted
from edge.service.redaction import Redactor
from edge.sources.events import AudioChunk, Idle, SourceEvent, StreamEnd, StreamStart


class ClipKeeper:
    """Feeds the recorders of all streams. What cannot be kept is told to ``complain``; listening goes on."""

    def __init__(self, folder: ClipFolder, redactor: Redactor, complain: Callable[[str], None]) -> None:
        self._folder, self._redactor, self._complain = folder, redactor, complain
        self._recorders: dict[str, ClipRecorder] = {}

    def before(self, event: SourceEvent) -> None:
        """Take an event before it is judged, so that the audio that raises an alarm is on its recording."""
        try:
            if isinstance(event, StreamStart):
                self._recorders[event.stream] = self._folder.recorder(event.stream, event.sample_rate)
            elif isinstance(event, AudioChunk) and event.stream in self._recorders:
                self._recorders[event.stream].feed(event.samples)
            elif isinstance(event, Idle):
                # A port without calls feeds nothing for days, and what is kept becomes too old all the same.
                self._folder.prune_hourly()
        except ClipError as error:
            self._complain(str(error))

    def alarm(self, alarm: Alarm) -> None:
        """Keep the audio around an alarm about a voice; of silence there is none."""
        recorder = self._recorders.get(alarm.stream or "")
        if alarm.event.kind != "spoof" or recorder is None:
            return
        try:
            recorder.alarm(alarm.event.id, json.loads(redacted(alarm.event, self._redactor).to_json()))
        except ClipError as error:
            self._complain(str(error))

    def after(self, event: SourceEvent) -> None:
        """Take an event after it was judged: the last chunk of a stream may raise an alarm too."""
        if isinstance(event, StreamEnd):
            self._close(event.stream)

    def close(self) -> None:
        """Make whole what is being recorded."""
        for stream in list(self._recorders):
            self._close(stream)

    def _close(self, stream: str) -> None:
        recorder = self._recorders.pop(stream, None)
        try:
            if recorder is not None:
                recorder.close()
        except ClipError as error:
            self._complain(str(error))
