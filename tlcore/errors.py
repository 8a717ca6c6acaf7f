"""Everything that can go wrong in a way that a person can act on.

A message says what was wrong, what was given and what is allowed; `next_step` says what to do now. The command line
exits with `exit_code`; the pages show both sentences and never a traceback.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class ThawError(Exception):
    """An error a person can act on. `message` is shown as it is; it never holds a traceback."""

    exit_code = 1

    def __init__(self, message: str, *, next_step: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.next_step = next_step

    def __str__(self) -> str:
        return f"{self.message} {self.next_step}".strip()

    def as_dict(self) -> dict[str, str]:
        """The form in which a run's folder keeps it."""
        return {"type": type(self).__name__, "message": self.message, "next_step": self.next_step}


class SpecError(ThawError):
    """What was asked for does not make sense, whatever the machine."""

    exit_code = 2


class UnknownName(SpecError):
    """A name that is in no catalogue."""

    def __init__(self, what: str, given: str, allowed: Iterable[str], *, also: Iterable[str] = ()) -> None:
        names = sorted(set(allowed))
        close = difflib.get_close_matches(given, {*names, *also}, n=1)  # `also`: too many to list, but perhaps meant
        meant = f" Did you mean {close[0]!r}?" if close else ""
        super().__init__(
            f"There is no {what} named {given!r}.{meant}",
            next_step=f"Choose one of: {', '.join(names)}.",
        )
        self.allowed = tuple(names)


class DataError(ThawError):
    """Images or labels that cannot be used as they are."""

    exit_code = 2


class RunNotFound(ThawError):
    """A run's id that is malformed, or that no folder answers to."""

    exit_code = 2


class AssetError(ThawError):
    """A file could not be had: no network, a wrong hash, a full disk."""


class WeightsUnavailable(ThawError):
    """Pretrained weights that cannot be had here. They are never replaced by random ones."""


class OutOfMemory(ThawError):
    """Not even the smallest batch fits."""


class Diverged(ThawError):
    """The loss is no longer a number."""


class Cancelled(ThawError):
    """Somebody asked for the run to stop. Not a failure."""
