"""A command of the user's: the event's JSON on standard input, a few facts in the environment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from edge.alerts.channels.channel import HOUR_S, ChannelContext, ChannelSettings, Need, need_program
from edge.alerts.channels.program import ProgramChannel
from edge.alerts.event import AlertEvent


@dataclass(frozen=True)
class CommandSettings(ChannelSettings):
    """The table ``[alerts.command]``: the program and its arguments, one item each."""

    expires_s: float = HOUR_S
    command: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        super().__post_init__()
        self.require("command", 'give the program and its arguments: command = ["/home/me/on-alert", "--loud"]')


class CommandChannel(ProgramChannel):
    """Run the command once an attempt, without a shell.

    Exit status 0 means delivered; anything else, or more than ``timeout_s`` seconds, is tried again. The command sees
    ``BONAFONE_EVENT_ID``, ``_KIND``, ``_TITLE``, ``_SUMMARY``, ``_VERDICT`` and ``_P_BONAFIDE`` (empty where unknown),
    and of our own environment only what programs need to run. It should do nothing twice for the same id.
    """

    name = "command"
    Settings = CommandSettings
    advice = "run the command by hand and see what it says"

    def __init__(self, settings: CommandSettings, context: ChannelContext) -> None:
        super().__init__(settings, context)
        self._command = settings.command

    @classmethod
    def needs(cls, settings: CommandSettings, environment: Mapping[str, str]) -> list[Need]:
        """List the program that the command names."""
        advice = "check the first item of its command, or give the full path of a file that can be executed"
        return [need_program(settings.command[0], advice, environment)] if settings.command else []

    def send(self, event: AlertEvent) -> None:
        """Run the command with the event, to its end."""
        facts = {
            "BONAFONE_EVENT_ID": event.id,
            "BONAFONE_EVENT_KIND": event.kind,
            "BONAFONE_EVENT_TITLE": event.title,
            "BONAFONE_EVENT_SUMMARY": event.summary(),
            "BONAFONE_EVENT_VERDICT": event.verdict or "",
            "BONAFONE_EVENT_P_BONAFIDE": "" if event.p_bonafide is None else f"{event.p_bonafide:.4f}",
        }
        self._run(*self._command, facts=facts, stdin=event.to_json().encode() + b"\n")
