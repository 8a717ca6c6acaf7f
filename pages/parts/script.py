"""The scripts and styles of components: files beside this one, joined into one module.

A component's script is one text without a place of its own to import from; so the `import` lines are ours to make: the
files named are put one after another, those that export functions first.
"""

from __future__ import annotations

import re
from pathlib import Path

_HERE = Path(__file__).parent


def join(*names: str) -> str:
    """The text of the files called `names`, in that order. Only the last one may have a default export."""
    texts = [(_HERE / name).read_text(encoding="utf-8") for name in names]
    return "\n".join([re.sub(r"^export (?=function|const)", "", text, flags=re.M) for text in texts[:-1]] + texts[-1:])
