"""Pull: what shapes the loss besides the labels.

So far nothing does. A term to come (towards the old weights, towards a teacher's answers, replay) is one class here.
"""

from __future__ import annotations

from typing import Literal

from tlcore.strategies.axis import Choice


class NoPull(Choice):
    """Cross-entropy on the labels alone."""

    kind: Literal["none"] = "none"


Pull = NoPull
