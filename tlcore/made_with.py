"""What made a result: the version of the maths, and the packages behind it. No torch.

The same spec gives the same numbers only where these are equal. A result that was made with others is shown, and says so, but
is never taken for what a run of today would give.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import version

# Raise it with every change by which the same spec gives other numbers, beyond rounding: tests/training/test_maths.py notices
# most of them.
MATHS = 2

MadeWith = Mapping[str, int | str]
MADE_WITH: MadeWith = {"maths": MATHS, "torch": version("torch"), "timm": version("timm")}


def made_how(made: MadeWith | None) -> str:
    """What tells a result from one of today, to follow "made": 'with torch 2.13.0'. '' where nothing does."""
    if made is None:
        return "before results said what made them"
    other = [name for name, now in MADE_WITH.items() if made.get(name) != now]
    maths = "by another version of the maths" if "maths" in other else ""
    packages = " and ".join(f"{name} {made.get(name, 'unknown')}" for name in other if name != "maths")
    return " ".join(part for part in (maths, f"with {packages}" if packages else "") if part)
