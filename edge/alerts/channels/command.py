"""A command of the user's: the event's JSON on standard input, a few facts in the environment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from edge.alerts.channels.program import find_program, passed_on, run_program
from edge.alerts.event import AlertEvent


class CommandChannel:
    """Runs ``command`` (a program and its arguments, no shell) once an attempt.

    Exit status 0 means delivered; anything else, or more than ``timeout_s`` seconds, is tried again. The command sees
    ``BONAFONE_EVENT_ID``, ``_KIND``, ``_TITLE``, ``_SUMMARY``, ``_VERDICT`` and ``_P_BONAFIDE`` (empty where unknown),
    and of our own environment only what programs need to run. It should do nothing twice for the same id.

    Raises
    ------
    MissingPartError
        The program is not there.
    """

    name = "command"

    def __init__(self, command: Sequence[str], *, timeout_s: float, environment: Mapping[str, str]) -> None:
        program = find_program(
            command[0], self.name, "check the first item of its command, or give the full path", environment.get("PATH")
        )
        self._command = (program, *command[1:])
        self._environment = passed_on(environment)
        self._timeout_s = timeout_s
        self.longest_s = timeout_s + 1.0

    def send(self, event: AlertEvent) -> None:
        """Run the command to its end."""
        p_bonafide = "" if event.p_bonafide is None else f"{event.p_bonafide:.4f}"
        facts = {
            "BONAFONE_EVENT_ID": event.id,
            "BONAFONE_EVENT_KIND": event.kind,
            "BONAFONE_EVENT_TITLE": event.title,
            "BONAFONE_EVENT_SUMMARY": event.summary(),
            "BONAFONE_EVENT_VERDICT": event.verdict or "",
            "BONAFONE_EVENT_P_BONAFIDE": p_bonafide,
        }
        run_program(
            self._command,
            timeout_s=self._timeout_s,
            environment={**self._environment, **facts},
            stdin=event.to_json().encode() + b"\n",
        )

    def close(self) -> None:
        """Nothing to free."""
