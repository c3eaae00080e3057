"""Secrets come from the environment or a file and are never printed."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from edge.alerts.errors import AlertConfigError

_VARIABLE = re.compile(r"[A-Z_][A-Z0-9_]*")
_PATH = re.compile(r"(/|~|\./|\.\./).*", re.DOTALL)


class Secret:
    """A value that only `reveal` shows; its repr, its string and pickles of it do not."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """Return the value itself, for the one place that uses it."""
        return self._value

    def __repr__(self) -> str:
        return "Secret(***)"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._value == self._value

    def __hash__(self) -> int:
        return hash(self._value)

    def __reduce__(self) -> str:
        raise TypeError("a secret is not pickled")


@dataclass(frozen=True)
class SecretSource:
    """Where a secret is: the name of an environment variable or the path of a file; never the secret itself."""

    where: str
    env: str | None = None
    file: str | None = None

    @property
    def given(self) -> bool:
        """Whether the configuration names a place at all."""
        return self.env is not None or self.file is not None

    @property
    def place(self) -> str:
        """The place in words. What does not look like one is not quoted: it may be the secret itself, by mistake."""
        if self.env is not None:
            return (
                f"variable {self.env}" if _VARIABLE.fullmatch(self.env) else f"the variable that {self.where}_env names"
            )
        if self.file is not None:
            return f"file {self.file}" if _PATH.fullmatch(self.file) else f"the file that {self.where}_file names"
        return f"{self.where}_env or {self.where}_file"

    def read(self, environment: Mapping[str, str]) -> Secret:
        """Fetch the secret; white space around it (the newline that editors add) is dropped.

        Raises
        ------
        AlertConfigError
            Two places are named or none, or there is nothing at the place.
        """
        if (self.env is None) == (self.file is None):
            raise AlertConfigError(
                f"{self.where}: expected one of {self.where}_env (a variable's name) or {self.where}_file (a path), "
                f"got {'both' if self.env else 'neither'}"
            )
        value = self._from_file() if self.env is None else self._from_environment(self.env, environment)
        if not value:
            raise AlertConfigError(f"{self.where}: {self.place} is empty; put the secret there")
        return Secret(value)

    def warning(self) -> str:
        """Return what is wrong with the permissions of the secret's file; empty where nothing is."""
        try:
            mode = 0 if self.file is None else stat.S_IMODE(os.stat(os.path.expanduser(self.file)).st_mode)
        except OSError:
            return ""
        if not mode & stat.S_IRWXO:
            return ""
        return f"every user of this machine can use {self.place} (its mode is {mode:04o}); run chmod 600 on it"

    def _from_file(self) -> str:
        path = Path(str(self.file)).expanduser()
        try:
            return path.read_text(encoding="utf-8").strip()
        except UnicodeDecodeError:
            # Its text quotes the bytes, which are the secret.
            raise AlertConfigError(f"{self.where}: {self.place} is not UTF-8 text; write the secret as text") from None
        except OSError as error:
            raise AlertConfigError(
                f"{self.where}: {self.place} cannot be read ({error.strerror}); check the path and its permissions"
            ) from None

    def _from_environment(self, name: str, environment: Mapping[str, str]) -> str:
        if name not in environment:
            raise AlertConfigError(
                f"{self.where}: the environment has no {self.place.removeprefix('the ')}; set it where the program is "
                "started"
            )
        return environment[name].strip()
