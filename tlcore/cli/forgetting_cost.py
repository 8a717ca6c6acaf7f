"""What the command forgetting says before it starts: how much it looks at, and about how long that takes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tlcore.figures.words import count, duration, times
from tlcore.forgetting.cost import images_besides, images_of_a_look, looks, pace
from tlcore.spec import ForgettingSpec, RunSpec


def cost_words(spec: ForgettingSpec, about: RunSpec, result: Mapping[str, Any], runs_dir: Path) -> str:
    """How many images will pass through the network, and how long that takes at the pace of the run's own looks.

    Raises as `ancestry` does, where a run behind it is gone.
    """
    images = looks(spec, result) * images_of_a_look(spec, about, result, runs_dir)
    images += images_besides(spec, about, result, runs_dir)
    again = f"; then three networks learn for {times(spec.relearn_steps, 'step')} each" if spec.relearn_steps else ""
    known = pace(result)
    if known is None:
        how_long = "and how long that takes is not known: the run carried no source probes to judge it by"
    else:
        how_long = f"about {duration(images / known)} at the pace of the run's own source probes"
    return f"Up to {count(images)} images pass through the network, {how_long}{again}."
