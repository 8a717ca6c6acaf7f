"""A network that was written to a file: what it is, what it takes, and the lines that load it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tlcore.cli.report import plain


def exported(result: Mapping[str, Any]) -> str:
    """For `show`."""
    side = result["image_size"]
    lines = [
        f"The network of run {result['run']}, {result['backbone']}: {result['file']} in the folder of run {result['run_id']}",
        f"({result['bytes']:,} bytes, SHA-256 {result['sha256']}).",
        "",
        f"It takes RGB images of {side} x {side} pixels. {result['scale']}",
        f"It answers, in this order: {plain(', '.join(result['classes']))}.",
    ]
    if checked := result.get("checked"):
        lines.append(
            f"On {checked['images']} pictures ({checked['on']}) its logits are at most "
            f"{checked['largest_difference']:.1g} from the original's, and {checked['same_answers']} answers are the same."
        )
    return "\n".join([*lines, "", result["load"]])
