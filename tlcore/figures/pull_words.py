"""What a pull does, in sentences."""

from __future__ import annotations

from tlcore.strategies.pull import L1SP, L2SP, Pull


def pull_sentence(pull: Pull) -> str:
    """What shapes the loss besides the labels; empty where nothing does."""
    if not pull.active:
        return ""
    match pull.kind:
        case "l2-sp":
            return (
                "Each weight is pulled back to where it started, harder the further it is "
                f"(alpha {pull.strength:g}){_beta(pull)}."
            )
        case "l1-sp":
            return (
                "Each weight is pulled back to where it started, equally hard at any distance "
                f"(alpha {pull.strength:g}){_beta(pull)}."
            )
        case "ewc":
            labels = ", by their own labels" if pull.fisher == "empirical" else ""
            return (
                "Weights that mattered to the old task are held, by the Fisher information on up to "
                f"{pull.images:,} old images (lambda {pull.strength:g}){labels}."
            )
        case "distillation":
            return (
                "The old classifier must go on saying what it said about the new images "
                f"(temperature {pull.temperature:g}, strength {pull.strength:g})."
            )
        case _:
            return (
                f"Each step rehearses old images, {pull.share:g} times as many as new ones, out of up to {pull.images:,} "
                f"(strength {pull.strength:g})."
            )


def _beta(pull: L2SP | L1SP) -> str:
    return f", and a fresh head towards zero (beta {pull.head_strength:g})" if pull.head_strength else ""


def pull_title(pull: Pull, usual: Pull) -> str:
    """How a pull differs from the usual one, for a run's title; empty where it does not."""
    if pull == usual:
        return ""
    if pull.kind == "none":
        return "no pull"
    if pull.kind != usual.kind:
        return f"{pull.kind} at {pull.strength:g}"
    return f"strength {pull.strength:g}" if pull.strength != usual.strength else "another pull"
