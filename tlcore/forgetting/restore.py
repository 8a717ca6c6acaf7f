"""Where it is forgotten: each part of the backbone alone is put back as it was at the start, all else stays as the run left it.

How much of the source returns, and what the target pays. A part that matters only together with others shows nothing here:
these are the effects of single groups, and need not add up to what was lost.
"""

from __future__ import annotations

from collections.abc import Iterator

from tlcore.forgetting.ends import Body, Ends
from tlcore.forgetting.path import batchnorms

STATISTICS = "batchnorm"  # the name of what is no group: the running means and variances of every BatchNorm of the backbone
NO_BATCHNORM = "This backbone has no BatchNorm."
KEPT_STILL = "BatchNorm kept still in this run: its running means and variances are those that it started with."


def parts(ends: Ends) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Each group of the backbone from bottom to top, then BatchNorm's statistics, with the names of its tensors that moved.

    The statistics are left out where none of them moved; `why_no_statistics` says so.
    """
    group_of, moved = ends.network.partition.tensors, ends.moved_tensors
    for group in ends.network.groups[:-1]:
        yield group.name, tuple(name for name in moved if group_of[name] == group.name)
    statistics = set(ends.statistics)
    if names := tuple(name for name in moved if name in statistics):
        yield STATISTICS, names


def why_no_statistics(ends: Ends) -> str | None:
    """Why there is nothing to put back of BatchNorm's statistics; None where there is."""
    if any(name == STATISTICS for name, _ in parts(ends)):
        return None
    return KEPT_STILL if batchnorms(ends.network) else NO_BATCHNORM


def restored(ends: Ends, names: tuple[str, ...]) -> Body:
    """The body that the run ended with, the tensors `names` as at the start."""
    return {**ends.end, **{name: ends.start[name] for name in names}}
