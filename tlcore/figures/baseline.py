"""What a model gets that has learnt nothing but which class is the largest."""

from __future__ import annotations


def baseline(metric: str, majority: float, classes: int) -> float:
    """A metric of always naming the class that `majority` (a share) of the images belong to.

    Accuracy: that share. Balanced accuracy: one recall of 1, the others 0. F1, averaged over the classes: the largest
    class has precision `majority` and recall 1, the others have 0. AUROC: 1/2, for the scores never differ.
    """
    match metric:
        case "accuracy":
            return majority
        case "balanced_accuracy":
            return 1 / classes
        case "f1":
            return 2 * majority / (1 + majority) / classes
        case "auroc":
            return 0.5
    raise ValueError(f"no baseline is defined for {metric!r}")
