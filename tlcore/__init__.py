"""Thaw: what happens when you unfreeze a pretrained network. The library behind the pages and the command line.

In a notebook: `from tlcore import run, RunSpec`, then `run(RunSpec(dataset="digits"))`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tlcore.engine import run
    from tlcore.spec import RunSpec

__version__ = "0.1.0"
__all__ = ["RunSpec", "__version__", "run"]


def __getattr__(name: str) -> object:
    """Import `run` and `RunSpec` when they are asked for: importing the package itself costs nothing."""
    if name == "run":
        from tlcore.engine import run

        return run
    if name == "RunSpec":
        from tlcore.spec import RunSpec

        return RunSpec
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
