"""Does something that is not the subject give the class away: the file's size or format, its borders, its brightness?

For each single fact a tree of depth 2 guesses the class. Its skill is (balanced accuracy - chance) / (1 - chance), over
3 folds that it has not seen: 0 is guessing, 1 is knowing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from PIL import Image

from tlcore.data.pictures import FORMATS

FOLDS: Final = 3
MIN_PER_CLASS: Final = 10
_COLOUR = {"1": 0, "L": 0, "I": 0, "F": 0, "LA": 1, "P": 2, "RGB": 2, "YCbCr": 2, "RGBA": 3, "CMYK": 4}


@dataclass(frozen=True)
class FileFacts:
    """What a file's header says, without decoding it."""

    bytes: int
    width: int
    height: int
    format: str
    mode: str
    compression: float  # mean of a JPEG's quantisation table: the higher, the coarser; 0 for other formats


def file_facts(file: Path | None) -> FileFacts | None:
    """The facts of a picture's file, or None where there is no file or its header cannot be read."""
    if file is None:
        return None
    try:
        with Image.open(file, formats=FORMATS) as picture:
            tables = getattr(picture, "quantization", None) or {}
            coarse = float(np.mean(next(iter(tables.values())))) if tables else 0.0
            return FileFacts(file.stat().st_size, *picture.size, picture.format or "", picture.mode, coarse)
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError, Image.DecompressionBombWarning):
        return None


def of_files(facts: list[FileFacts]) -> dict[str, np.ndarray]:
    """Each fact of the files as numbers (N,), by its name in words."""
    formats = sorted({fact.format for fact in facts})
    return {
        "file size": np.array([fact.bytes for fact in facts], float),
        "width": np.array([fact.width for fact in facts], float),
        "height": np.array([fact.height for fact in facts], float),
        "shape (width to height)": np.array([fact.width / fact.height for fact in facts]),
        "file format": np.array([formats.index(fact.format) for fact in facts], float),
        "colour mode": np.array([_COLOUR.get(fact.mode.split(";")[0], 5) for fact in facts], float),
        "JPEG compression": np.array([fact.compression for fact in facts]),
    }


def of_pictures(images: np.ndarray) -> dict[str, np.ndarray]:
    """Plain facts of the decoded pictures (N, S, S, 3) as numbers (N,), by name; 0 to 255."""
    facts: dict[str, list[float]] = {"brightness": [], "contrast": [], "brightness of the border": [], "colour": []}
    for image in images:
        gray = (image @ np.full(3, 1 / 3, np.float32)).astype(np.float32)
        rim = max(1, len(gray) // 32)
        inner = gray[rim:-rim, rim:-rim]
        facts["brightness"].append(float(gray.mean()))
        facts["contrast"].append(float(gray.std()))
        facts["brightness of the border"].append(float((gray.sum() - inner.sum()) / (gray.size - inner.size)))
        red, green, blue = (image[..., channel].astype(np.int16) for channel in range(3))
        facts["colour"].append(float((np.abs(red - green) + np.abs(green - blue) + np.abs(blue - red)).mean() / 2))
    return {name: np.array(values) for name, values in facts.items()}


def skills(facts: Mapping[str, np.ndarray], labels: np.ndarray) -> dict[str, float]:
    """How well each fact alone tells the class, the best first; empty where classes are too few or too small to say."""
    from sklearn.model_selection import StratifiedKFold  # slow to import, and pages read this module's neighbours
    from sklearn.tree import DecisionTreeClassifier

    names, counts = np.unique(labels, return_counts=True)
    large = names[counts >= MIN_PER_CLASS]
    if len(large) < 2:
        return {}
    keep = np.isin(labels, large)
    truth = labels[keep]
    found = {}
    for name, values in facts.items():
        column = values[keep, None]
        if np.ptp(column) == 0:
            continue
        guesses = np.empty_like(truth)
        for train, test in StratifiedKFold(FOLDS, shuffle=True, random_state=0).split(column, truth):
            tree = DecisionTreeClassifier(max_depth=2, class_weight="balanced", random_state=0)
            guesses[test] = tree.fit(column[train], truth[train]).predict(column[test])
        recall = np.mean([(guesses[truth == label] == label).mean() for label in large])
        found[name] = float((recall - 1 / len(large)) / (1 - 1 / len(large)))
    return dict(sorted(found.items(), key=lambda pair: -pair[1]))
