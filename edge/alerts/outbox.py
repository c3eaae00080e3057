"""The outbox: every alert is on disk, with one delivery a channel, before anything is sent.

    publish ── one transaction: event, deliveries ──► pending
    claim   ── pending and due ──► leased to one worker until it settles or the lease runs out
    settle  ── done │ dead │ pending again, later
    expiry  ── what is useless late is not sent late

At least once: a process that dies between sending and settling sends again when the lease runs out, with the same id.
"""

from __future__ import annotations

import random
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from edge.alerts.event import AlertEvent, DeliveryError, EventError, OutboxError, event_from_json
from edge.alerts.settings import RetryPolicy
from edge.service.database_file import DatabaseFile, Kind

BUSY_S = 10.0
"""Seconds to wait for another process that holds the file."""
Publication = Literal["published", "suppressed", "known"]
_DAY_S = 86400.0
_KIND = Kind(
    noun="an outbox",
    failure=OutboxError,
    version=1,
    tables="""
CREATE TABLE events (
    id TEXT PRIMARY KEY,
    created_at REAL NOT NULL,
    suppressed INTEGER NOT NULL,
    body TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX events_by_time ON events (created_at);
CREATE TABLE deliveries (
    event_id TEXT NOT NULL REFERENCES events (id) ON DELETE CASCADE,
    channel TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('pending', 'done', 'dead', 'expired')),
    attempts INTEGER NOT NULL,
    next_at REAL NOT NULL,
    expires_at REAL NOT NULL,
    lease TEXT,
    last_error TEXT,
    PRIMARY KEY (event_id, channel)
) WITHOUT ROWID;
CREATE INDEX deliveries_due ON deliveries (channel, state, next_at);
CREATE TABLE cooldowns (
    key TEXT PRIMARY KEY,
    started_at REAL NOT NULL,
    suppressed INTEGER NOT NULL
) WITHOUT ROWID;
""",
    moved_away="a new one is made, and what was in it is not sent",
    held="end that one",
)


@dataclass(frozen=True)
class Claim:
    """A delivery that this worker alone may attempt; ``attempt`` counts from 1, this one included."""

    event: AlertEvent
    channel: str
    attempt: int
    lease: str


@dataclass(frozen=True)
class EventRecord:
    """A past event: when it was written (seconds since 1970), and whether the cooldown kept it quiet."""

    event: AlertEvent
    created_at: float
    suppressed: bool


@dataclass(frozen=True)
class DeliveryRecord:
    """Where the delivery of one event over one channel stands; times in seconds since 1970."""

    channel: str
    state: str
    attempts: int
    next_at: float
    expires_at: float
    last_error: str | None


def backoff_s(attempts: int, policy: RetryPolicy, rng: random.Random, retry_after_s: float | None = None) -> float:
    """Return the seconds to wait after the ``attempts``-th failure (from 1).

    Half of the doubling wait is fixed and half random, so that many devices that lost the same receiver do not come
    back in step, and none hammers it ("equal jitter": M. Brooker, Exponential Backoff And Jitter, 2015). What the
    receiver asked for in ``retry_after_s`` is kept to, up to the policy's longest wait.
    """
    # 2.0 ** 1024 overflows; the cap is reached long before 60 doublings.
    doubled = min(policy.longest_s, policy.first_s * 2.0 ** min(attempts - 1, 60))
    wait = doubled * (0.5 + 0.5 * rng.random())
    return min(policy.longest_s, max(wait, retry_after_s or 0.0))


class Outbox(DatabaseFile):
    """One connection to the outbox; open one in each thread and process that uses it.

    Parameters
    ----------
    path : the SQLite file; made when it is missing.
    clock : seconds since 1970. Wall time, since it must mean the same after a restart.
    rng : for the jitter of the waiting times; None draws a new seed.
    retry : the waiting times.

    Raises
    ------
    OutboxError
        The file cannot be used. Every method raises it too, for one when the disk is full.
    """

    def __init__(
        self,
        path: str | Path,
        *,
        clock: Callable[[], float] = time.time,
        rng: random.Random | None = None,
        retry: RetryPolicy | None = None,
    ) -> None:
        self._clock, self._rng, self._retry = clock, rng or random.Random(), retry or RetryPolicy()
        super().__init__(Path(path), _KIND, busy_s=BUSY_S)

    def publish(
        self, event: AlertEvent, channels: Mapping[str, float], *, held: bool = False, cooldown_key: str = ""
    ) -> Publication:
        """Write an event and its deliveries, all or nothing; when this returns, a kill loses nothing.

        Parameters
        ----------
        event : as it may be stored, so redacted.
        channels : name of each channel → seconds after which a delivery over it is useless.
        held : record it without deliveries, since `edge.alerts.service.AlertPolicy` holds it back.
        cooldown_key : under which `sent_at` names the moment; nothing when empty.

        An id is known until its event is pruned.

        Returns
        -------
        ``published``, ``suppressed`` if held, or ``known`` when an event of this id is there already.
        """
        with self.write() as database:
            # Read only now: the wait for another process's transaction must not make this event the older one.
            now = self._clock()
            if database.execute("SELECT 1 FROM events WHERE id = ?", (event.id,)).fetchone():
                return "known"
            database.execute("INSERT INTO events VALUES (?, ?, ?, ?)", (event.id, now, held, event.to_json()))
            if held:
                return "suppressed"
            if cooldown_key:
                database.execute("INSERT OR REPLACE INTO cooldowns VALUES (?, ?, 0)", (cooldown_key, now))
            database.executemany(
                "INSERT INTO deliveries VALUES (?, ?, 'pending', 0, ?, ?, NULL, NULL)",
                [(event.id, name, now, now + expires_s) for name, expires_s in channels.items()],
            )
            return "published"

    def sent_at(self) -> dict[str, float]:
        """Return when the last event of each cooldown key was published, in seconds since 1970."""
        with self.read() as database:
            return dict(database.execute("SELECT key, started_at FROM cooldowns"))

    def record_test(self, event: AlertEvent, problems: Mapping[str, str]) -> None:
        """Write a test alert that was sent already, with what kept it from arriving by channel (empty: it arrived).

        No worker ever sees it: what did not arrive has expired.
        """
        with self.write() as database:
            now = self._clock()
            database.execute("INSERT INTO events VALUES (?, ?, 0, ?)", (event.id, now, event.to_json()))
            database.executemany(
                "INSERT INTO deliveries VALUES (?, ?, ?, 1, ?, ?, NULL, ?)",
                [
                    (event.id, name, "expired" if problem else "done", now, now, problem or None)
                    for name, problem in problems.items()
                ],
            )

    def claim(self, channel: str, *, lease_s: float) -> Claim | None:
        """Claim the oldest delivery of ``channel`` that is due, for ``lease_s`` seconds; None when none is due."""
        lease = uuid.uuid4().hex
        with self.write() as database:
            now = self._clock()
            self._expire(channel, now)
            # A wait longer than any that we set means that the clock was set back: due at once.
            longest = max(self._retry.longest_s, lease_s)
            rows = database.execute(
                "SELECT event_id, body, attempts FROM deliveries JOIN events ON id = event_id"
                " WHERE channel = ? AND state = 'pending' AND (next_at <= ? OR next_at > ?)"
                " ORDER BY created_at, event_id LIMIT 10",
                (channel, now, now + longest),
            ).fetchall()
            for event_id, body, attempts in rows:
                try:
                    event = event_from_json(body)
                except EventError as error:
                    # Of a later version, for one. It must not keep those behind it from being sent.
                    database.execute(
                        "UPDATE deliveries SET state = 'dead', last_error = ? WHERE event_id = ? AND channel = ?",
                        (str(error), event_id, channel),
                    )
                    continue
                # The attempt counts from now on: one that kills the process must back off too.
                database.execute(
                    "UPDATE deliveries SET attempts = attempts + 1, next_at = ?, lease = ?"
                    " WHERE event_id = ? AND channel = ?",
                    (now + lease_s, lease, event_id, channel),
                )
                return Claim(event, channel, attempts + 1, lease)
            return None

    def _expire(self, channel: str, now: float) -> None:
        # What is leased right now may arrive yet; it expires when its lease has run out.
        self.connection.execute(
            "UPDATE deliveries SET state = 'expired', lease = NULL WHERE channel = ? AND state = 'pending'"
            " AND expires_at <= ? AND (lease IS NULL OR next_at <= ?)",
            (channel, now, now),
        )

    def succeeded(self, claim: Claim) -> None:
        """Settle a delivery that arrived, whatever became of the lease meanwhile."""
        with self.write() as database:
            database.execute(
                "UPDATE deliveries SET state = 'done', lease = NULL, last_error = NULL"
                " WHERE event_id = ? AND channel = ?",
                (claim.event.id, claim.channel),
            )

    def failed(self, claim: Claim, error: DeliveryError) -> None:
        """Settle a delivery that did not arrive: try again later, or never where that cannot help."""
        wait = backoff_s(claim.attempt, self._retry, self._rng, error.retry_after_s)
        state = "pending" if error.retry else "dead"
        with self.write() as database:
            # Another worker may have claimed it after our lease; then its result counts.
            database.execute(
                "UPDATE deliveries SET state = ?, next_at = ?, last_error = ?, lease = NULL"
                " WHERE event_id = ? AND channel = ? AND lease = ?",
                (state, self._clock() + wait, str(error), claim.event.id, claim.channel, claim.lease),
            )

    def events(self, *, since: float = 0.0, limit: int = 1000) -> list[EventRecord]:
        """Return events written at or after ``since`` (seconds since 1970), newest first, at most ``limit``.

        Those that cannot be read, of a later version for one, are left out: `unreadable` counts them.
        """
        with self.read() as database:
            rows = database.execute(
                "SELECT body, created_at, suppressed FROM events WHERE created_at >= ?"
                " ORDER BY created_at DESC, id LIMIT ?",
                (since, limit),
            ).fetchall()
        read = ((_read(body), created, bool(quiet)) for body, created, quiet in rows)
        return [EventRecord(event, created, quiet) for event, created, quiet in read if event is not None]

    def unreadable(self, *, since: float = 0.0) -> int:
        """Count the events written at or after ``since`` that this version cannot read."""
        with self.read() as database:
            rows = database.execute("SELECT body FROM events WHERE created_at >= ?", (since,))
            return sum(_read(body) is None for (body,) in rows)

    def deliveries(self, event_id: str) -> list[DeliveryRecord]:
        """Return where the deliveries of one event stand, by channel."""
        with self.read() as database:
            rows = database.execute(
                "SELECT channel, state, attempts, next_at, expires_at, last_error FROM deliveries"
                " WHERE event_id = ? ORDER BY channel",
                (event_id,),
            ).fetchall()
        return [DeliveryRecord(*row) for row in rows]

    def counts(self) -> dict[tuple[str, str], int]:
        """Count the deliveries by (channel, state)."""
        with self.read() as database:
            rows = database.execute(
                "SELECT channel, state, COUNT(*) FROM deliveries GROUP BY channel, state"
            ).fetchall()
        return {(channel, state): count for channel, state, count in rows}

    def prune(self, *, older_than_s: float) -> int:
        """Forget settled events that are older than so many seconds; return how many. Pending ones stay."""
        now = self._clock()
        with self.write() as database:
            # Only a worker expires, and there is none for a channel that has been turned off since.
            database.execute(
                "UPDATE deliveries SET state = 'expired' WHERE state = 'pending' AND expires_at <= ? AND next_at <= ?",
                (now, now),
            )
            # No cooldown lasts longer than what is kept; without this, each watched recording would leave one for ever.
            database.execute("DELETE FROM cooldowns WHERE started_at < ?", (now - max(older_than_s, _DAY_S),))
            return database.execute(
                "DELETE FROM events WHERE created_at < ? AND NOT EXISTS"
                " (SELECT 1 FROM deliveries WHERE event_id = id AND state = 'pending')",
                (now - older_than_s,),
            ).rowcount


def _read(body: str) -> AlertEvent | None:
    try:
        return event_from_json(body)
    except EventError:
        return None
