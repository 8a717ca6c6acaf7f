"""The next batch is gathered, into memory that a GPU copies from by itself, while the GPU computes this one.

What a batch holds is a function of the seed, the epoch and the step, so it may be read before it is asked for; where another
one is asked for after all, it is read then. On a CPU nothing is gathered ahead: the thread would take a core from the step.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from concurrent.futures import Future, ThreadPoolExecutor

from torch import Tensor


class Ahead:
    """The batch at hand and the one after it, gathered by another thread."""

    def __init__(self) -> None:
        self._thread: ThreadPoolExecutor | None = None
        self._coming: dict[Hashable, Future[Tensor]] = {}

    def begin(self, key: Hashable, gather: Callable[[], Tensor]) -> None:
        """Gather the batch called `key`, and return at once. Of those that nobody has taken the latest two are held."""
        self._thread = self._thread or ThreadPoolExecutor(1, "next batch")
        self._coming[key] = self._thread.submit(gather)
        while len(self._coming) > 2:
            del self._coming[next(iter(self._coming))]

    def take(self, key: Hashable, gather: Callable[[], Tensor]) -> Tensor:
        """The batch called `key`: the one that was begun, or gathered now. Raises what gathering raised."""
        coming = self._coming.pop(key, None)
        return gather() if coming is None else coming.result()
