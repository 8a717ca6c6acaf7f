"""How slow preparations tell how far they are."""

from __future__ import annotations

from collections.abc import Callable

# what is being done ("Fetching EfficientNet-Lite0"), how much is done, how much there is (0 where unknown), its unit
Progress = Callable[[str, int, int, str], None]


def silent(what: str, done: int, total: int, unit: str) -> None:
    """Progress that nobody watches. One that somebody does may raise `Cancelled` to stop the work."""
