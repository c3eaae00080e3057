"""A command that prints PCM: ``parec``, ``arecord -t raw``, ``pw-record``, ``ffmpeg -f s16le -``, ``scrcpy``."""

from __future__ import annotations

import contextlib
import os
import shlex
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Generator, Iterator
from types import TracebackType
from typing import Self

from edge.sources.errors import BadDataError, SourceOpenError, SourceSyntaxError
from edge.sources.events import Clock, EndReason, Idle, SourceEvent, Trouble
from edge.sources.pcm import PcmFormat
from edge.sources.pipes import IDLE_S, READ_BYTES, PcmStream, wait_readable

FIRST_PAUSE_S = 1.0
LONGEST_PAUSE_S = 30.0
_HEALTHY_S = 10.0
"""Audio after which a run counts as one that worked, and the next pause is short again."""
_PATIENCE_S = 2.0
"""How long a command may take to leave when asked."""
_STDERR_BYTES = 2048


class CommandSource:
    """Run a command without a shell and read its standard output; each run is a stream.

    A command that exits with 0 has ended. One that fails after it gave audio is started again, with pauses that double
    up to 30 s; one that fails before it ever gave any is not, since it will not do better.

    Raises
    ------
    SourceSyntaxError
        An empty command, or a quote that is not closed.
    SourceOpenError
        On entering: there is no such program, or it may not be run.
    """

    def __init__(self, command: str, pcm: PcmFormat | None = None, *, clock: Clock = time) -> None:
        self.name = f"cmd:{command}"
        self.counts: Counter[str] = Counter()
        self._pcm = pcm or PcmFormat()
        self._clock = clock
        self._process: subprocess.Popen[bytes] | None = None
        self._complaint = b""
        try:
            self._argv = shlex.split(command)
        except ValueError as error:
            raise SourceSyntaxError(f"{self.name}: {error}; quote it as in a shell") from error
        if not self._argv:
            raise SourceSyntaxError("cmd: needs a command that prints PCM, such as cmd:parec --raw --rate=16000")

    def __enter__(self) -> Self:
        """Start the command."""
        self._start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop the command and what it started."""
        self._stop()

    def __iter__(self) -> Iterator[SourceEvent]:
        """Yield the streams of the command's runs."""
        pause_s, run, heard = FIRST_PAUSE_S, 1, False
        while self._process is not None:
            stream = PcmStream(f"cmd-{run}", self._pcm)
            yield stream.track.start(self.name)
            reason, detail = yield from self._read(stream, self._process)
            heard = heard or stream.track.position > 0
            if reason == "gone" and not heard:
                detail += "; it gave no audio at all, so it is not started again: run it by itself to see why"
            yield stream.track.end(reason, detail)
            if reason != "gone" or not heard:
                return
            if stream.track.position >= _HEALTHY_S * self._pcm.sample_rate:
                pause_s = FIRST_PAUSE_S
            # Now, not after the pause: until then its number could belong to somebody else's processes.
            self._stop()
            pause_s = yield from self._restart(pause_s)
            run += 1

    def _read(
        self, stream: PcmStream, process: subprocess.Popen[bytes]
    ) -> Generator[SourceEvent, None, tuple[EndReason, str]]:
        """Yield one run; return why it ended."""
        if process.stdout is None or process.stderr is None:  # both were asked for as pipes
            return "gone", "no pipes"
        output, errors = process.stdout.fileno(), process.stderr.fileno()
        watched = [output, errors]
        heard_at = told_at = self._clock.monotonic()
        try:
            while True:
                ready = wait_readable(watched, IDLE_S)
                if errors in ready and not self._hear_complaint(errors):
                    watched.remove(errors)
                now = self._clock.monotonic()
                if output in ready:
                    data = os.read(output, READ_BYTES)
                    if not data:
                        break
                    heard_at = told_at = now
                    yield from stream.feed(data)
                elif not ready or now - told_at >= IDLE_S:
                    # Also while it chatters: ffmpeg tells twice a second that it still waits.
                    told_at = now
                    yield Idle(now - heard_at)
            # A run that failed was cut wherever it stood: half a sample is no further news then.
            if (failure := self._failure(process, errors)) is not None:
                return "gone", failure
            yield from stream.finish()
        except BadDataError as error:
            return "bad_data", f"{self.name}: {error}"
        return "finished", ""

    def _restart(self, pause_s: float) -> Generator[SourceEvent, None, float]:
        """Wait and start again until the program starts; return the next pause."""
        while True:
            begun_at = self._clock.monotonic()
            while (left := begun_at + pause_s - self._clock.monotonic()) > 0.0:
                self._clock.sleep(min(left, IDLE_S))
                yield Idle(self._clock.monotonic() - begun_at)
            pause_s = min(2.0 * pause_s, LONGEST_PAUSE_S)
            self.counts["restarts"] += 1
            try:
                self._start()
            except SourceOpenError as error:
                yield Trouble("vanished", str(error))
            else:
                return pause_s

    def _start(self) -> None:
        self._stop()
        self._complaint = b""
        try:
            self._process = subprocess.Popen(
                self._argv,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                bufsize=0,
                # A group of its own, so that what it starts can be stopped with it.
                start_new_session=True,
            )
        except OSError as error:
            raise SourceOpenError(
                f"{self.name}: {self._argv[0]} cannot be started ({error.strerror}); install it, or give its whole path"
            ) from error

    def _hear_complaint(self, errors: int) -> bool:
        """Keep the end of what the command writes to its standard error; False at its end."""
        data = os.read(errors, READ_BYTES)
        self._complaint = (self._complaint + data)[-_STDERR_BYTES:]
        return bool(data)

    def _failure(self, process: subprocess.Popen[bytes], errors: int) -> str | None:
        """Say how the command failed; None if it ended well."""
        try:
            code = process.wait(_PATIENCE_S)
        except subprocess.TimeoutExpired:
            return f"{self.name}: closed its output and went on running"
        if code == 0:
            return None
        while wait_readable([errors], 0.0) and self._hear_complaint(errors):
            pass
        lines = self._complaint.decode(errors="replace").strip().splitlines()
        how = f"was stopped by signal {-code}" if code < 0 else f"exited with {code}"
        return f"{self.name}: {how}" + (f", saying: {lines[-1].strip()}" if lines else "")

    def _stop(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        for how in (signal.SIGTERM, signal.SIGKILL):
            # The group, also when its leader has left already: a pipeline's other half may still run.
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, how)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(_PATIENCE_S)
                break
        for pipe in (process.stdout, process.stderr):
            if pipe is not None:
                pipe.close()
