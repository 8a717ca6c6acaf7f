"""Options that take several values with commas between them."""

from __future__ import annotations

from tlcore.compare.spec import images_per_class
from tlcore.errors import SpecError


def names(text: str, option: str) -> list[str]:
    """The names in 'a, b,c', each once. Raises `SpecError` for none."""
    found = list(dict.fromkeys(name.strip() for name in text.split(",") if name.strip()))
    if not found:
        raise SpecError(f"{option} names nothing.", next_step=f"Give one or more, with commas: {option} a,b")
    return found


def label_counts(text: str) -> list[int | None]:
    """The numbers in '10,50,all', None for all. Raises `SpecError`."""
    return [images_per_class(one) for one in names(text, "--images-per-class")]
