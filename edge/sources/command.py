"""PCM from a pipe: standard input, or a command that prints it, such as ``parec``, ``arecord -t raw`` or ``ffmpeg``."""

from __future__ import annotations

import contextlib
import os
import select
import shlex
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Generator, Iterator

from edge.service.source_address import SourceSyntaxError
from edge.sources.events import (
    BadDataError,
    Clock,
    EndReason,
    Idle,
    Source,
    SourceEvent,
    SourceOpenError,
    Track,
    Trouble,
)
from edge.sources.pcm import PcmDecoder, PcmFormat

IDLE_S = 1.0
READ_BYTES = 16384
"""Half a second at 16 kHz: a pipe that is full holds four times as much."""
FIRST_PAUSE_S = 1.0
LONGEST_PAUSE_S = 30.0
_HEALTHY_S = 10.0
"""Audio after which a run counts as one that worked, and the next pause is short again."""
_PATIENCE_S = 2.0
"""How long a command may take to end after a signal."""
_STDERR_BYTES = 2048


class CommandSource(Source):
    """Run a command without a shell and read its standard output; each run is a stream.

    A command that exits with 0 has ended. One that fails after it gave audio is started again, with pauses that double
    up to 30 s; one that fails before it ever gave any is not, since it will not do better.

    Raises
    ------
    SourceSyntaxError
        An empty command, or a quote that is not closed.
    SourceOpenError
        On opening: there is no such program, or it may not be run.
    """

    def __init__(self, command: str, pcm: PcmFormat | None = None, *, clock: Clock = time) -> None:
        self.name = f"cmd:{command}"
        self._pcm = pcm or PcmFormat()
        self._clock = clock
        self._restarts = 0
        self._process: subprocess.Popen[bytes] | None = None
        self._stderr = b""
        try:
            self._argv = shlex.split(command)
        except ValueError as error:
            raise SourceSyntaxError(f"{self.name}: {error}; quote it as in a shell") from error
        if not self._argv:
            raise SourceSyntaxError("cmd: needs a command that prints PCM, such as cmd:parec --raw --rate=16000")

    @property
    def counts(self) -> Counter[str]:
        """``restarts`` since it was opened."""
        return Counter(restarts=self._restarts)

    def open(self) -> None:
        """Start the command."""
        self.close()
        self._stderr = b""
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

    def close(self) -> None:
        """Stop the command and every process that it started."""
        process, self._process = self._process, None
        if process is None:
            return
        for how in (signal.SIGTERM, signal.SIGKILL):
            # The group, also when its leader has ended: the other half of a pipeline may still run.
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, how)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(_PATIENCE_S)
                break
        for pipe in (process.stdout, process.stderr):
            if pipe is not None:
                pipe.close()

    def __iter__(self) -> Iterator[SourceEvent]:
        """Yield the streams of the command's runs."""
        pause_s, run, any_audio = FIRST_PAUSE_S, 1, False
        while self._process is not None:
            stream = PcmStream(f"cmd-{run}", self._pcm)
            yield stream.track.start(self.name)
            reason, detail = yield from self._read(stream, self._process)
            any_audio = any_audio or stream.track.position > 0
            if reason == "gone" and not any_audio:
                detail += "; it gave no audio at all, so it is not started again: run it by itself to see why"
            yield stream.track.end(reason, detail)
            if reason != "gone" or not any_audio:
                return
            if stream.track.position >= _HEALTHY_S * self._pcm.sample_rate:
                pause_s = FIRST_PAUSE_S
            # Before the pause: after it the process number could belong to another program.
            self.close()
            pause_s = yield from self._restart(pause_s)
            run += 1

    def _read(
        self, stream: PcmStream, process: subprocess.Popen[bytes]
    ) -> Generator[SourceEvent, None, tuple[EndReason, str]]:
        """Yield one run; return why it ended."""
        assert process.stdout is not None
        assert process.stderr is not None
        output, errors = process.stdout.fileno(), process.stderr.fileno()
        watched = [output, errors]
        audio_at = idle_at = self._clock.monotonic()
        try:
            while True:
                ready = wait_readable(watched, IDLE_S)
                if errors in ready and not self._read_stderr(errors):
                    watched.remove(errors)
                now = self._clock.monotonic()
                if output in ready:
                    data = os.read(output, READ_BYTES)
                    if not data:
                        break
                    audio_at = idle_at = now
                    yield from stream.feed(data)
                elif not ready or now - idle_at >= IDLE_S:
                    # Also while it writes messages: ffmpeg says twice a second that it still waits.
                    idle_at = now
                    yield Idle(now - audio_at)
            # Only a run that ended well is checked for half a sample: a failed one is cut anywhere.
            if (failure := self._failure(process, errors)) is not None:
                return "gone", failure
            yield from stream.flush()
        except BadDataError as error:
            return "bad_data", f"{self.name}: {error}"
        return "finished", ""

    def _restart(self, pause_s: float) -> Generator[SourceEvent, None, float]:
        """Wait and start again until the program starts; return the next pause."""
        while True:
            started_at = self._clock.monotonic()
            while (left := started_at + pause_s - self._clock.monotonic()) > 0.0:
                self._clock.sleep(min(left, IDLE_S))
                yield Idle(self._clock.monotonic() - started_at)
            pause_s = min(2.0 * pause_s, LONGEST_PAUSE_S)
            self._restarts += 1
            try:
                self.open()
            except SourceOpenError as error:
                yield Trouble("vanished", str(error))
            else:
                return pause_s

    def _read_stderr(self, errors: int) -> bool:
        """Keep the end of what the command writes to its standard error; False at its end."""
        data = os.read(errors, READ_BYTES)
        self._stderr = (self._stderr + data)[-_STDERR_BYTES:]
        return bool(data)

    def _failure(self, process: subprocess.Popen[bytes], errors: int) -> str | None:
        """Return how the command failed; None if it ended well."""
        try:
            code = process.wait(_PATIENCE_S)
        except subprocess.TimeoutExpired:
            return f"{self.name}: closed its output and went on running"
        if code == 0:
            return None
        while wait_readable([errors], 0.0) and self._read_stderr(errors):
            pass
        lines = self._stderr.decode(errors="replace").strip().splitlines()
        how = f"was stopped by signal {-code}" if code < 0 else f"exited with {code}"
        return f"{self.name}: {how}" + (f", saying: {lines[-1].strip()}" if lines else "")


class PcmStream:
    """Decode the bytes of one stream to events; no files and no clock."""

    def __init__(self, name: str, pcm: PcmFormat) -> None:
        self.track = Track(name, pcm.sample_rate)
        self._decoder = PcmDecoder(pcm)

    def feed(self, data: bytes) -> list[SourceEvent]:
        """Return the audio in further bytes.

        Raises
        ------
        BadDataError
            They are not the PCM that was promised.
        """
        samples = self._decoder.feed(data)
        return [self.track.audio(samples)] if len(samples) else []

    def flush(self) -> list[SourceEvent]:
        """End the stream; return the audio that was held back.

        Raises
        ------
        BadDataError
            It ended inside a sample, or before the first one.
        """
        samples = self._decoder.flush()
        if len(samples):
            return [self.track.audio(samples)]
        if not self.track.position:
            raise BadDataError("it ended without any audio; run what should give it by itself to see why")
        return []


class StandardInput(Source):
    """Read headerless PCM from a file descriptor, by default standard input; the sender waits while nobody reads.

    Raises
    ------
    SourceOpenError
        On opening: it is a terminal, or closed.
    """

    name = "-"

    def __init__(self, pcm: PcmFormat | None = None, *, descriptor: int = 0, clock: Clock = time) -> None:
        self._pcm = pcm or PcmFormat()
        self._descriptor = descriptor
        self._clock = clock

    def open(self) -> None:
        """Check that audio can come."""
        try:
            os.fstat(self._descriptor)
        except OSError as error:
            raise SourceOpenError("standard input is closed; pipe PCM into this command") from error
        if os.isatty(self._descriptor):
            raise SourceOpenError(
                "standard input is a terminal; pipe PCM into this command, "
                "for example: parec --raw --format=s16le --rate=16000 --channels=1 | edge listen --source -"
            )

    def close(self) -> None:
        """Leave the descriptor open: it belongs to whoever passed it."""

    def __iter__(self) -> Iterator[SourceEvent]:
        """Yield the stream; its end is the end of the input."""
        stream = PcmStream("stdin", self._pcm)
        yield stream.track.start("standard input")
        audio_at = self._clock.monotonic()
        try:
            while True:
                if not wait_readable([self._descriptor], IDLE_S):
                    yield Idle(self._clock.monotonic() - audio_at)
                    continue
                data = os.read(self._descriptor, READ_BYTES)
                if not data:
                    break
                audio_at = self._clock.monotonic()
                yield from stream.feed(data)
            yield from stream.flush()
        except BadDataError as error:
            yield stream.track.end("bad_data", f"standard input: {error}")
            return
        except OSError as error:
            yield stream.track.end("gone", f"standard input cannot be read ({error.strerror})")
            return
        yield stream.track.end("finished")


def wait_readable(descriptors: list[int], timeout_s: float) -> list[int]:
    """Return those of the descriptors that can be read without waiting, after at most ``timeout_s`` seconds."""
    # Not selectors.DefaultSelector: epoll refuses a file, which standard input may be.
    return select.select(descriptors, [], [], timeout_s)[0]
