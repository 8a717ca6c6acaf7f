"""Text from people, made safe for Markdown."""

from __future__ import annotations

import re

_SPECIAL = re.compile(r"([\\`*_{}\[\]()<>#+\-.!|~$:&@^=])")


def plain(text: object) -> str:
    """`text` as Markdown that reads exactly as it is: no formatting, link, image, HTML, LaTeX, icon or colour of its own."""
    return _SPECIAL.sub(r"\\\1", " ".join(str(text).split()))
