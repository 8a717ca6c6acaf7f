"""Presets that state rates outright, as practitioners hand them on: recipes A, B and C.

A strategy's rates are multiples of the run's, so each recipe says in `defaults` which rate it is meant with. The recipes are
silent about the new head of C and about how fast A's head goes on: here each begins with the head alone, and goes on with
everything at one rate.
"""

from __future__ import annotations

from tlcore.strategies.phases import HeadThenBody
from tlcore.strategies.presets.record import Preset
from tlcore.strategies.pull import L2SP
from tlcore.strategies.rates import ByLevel, Uniform
from tlcore.strategies.scope import All, Top
from tlcore.strategies.strategy import Strategy

PRESETS = (
    Preset(
        title="Recipe A: small data",
        sentence="The head at 1e-3 until it has converged, then the last group too, both at 1e-5, until validation stalls.",
        updates="the head, then the last group too",
        expect="Hard to get wrong: the second rate is too small to break anything. It adds little to a linear probe, too.",
        when="With tens to a few hundred labels of images that resemble photographs.",
        analogy="Hang the picture first, then straighten the frame with one finger.",
        forgetting="low",
        labels="few",
        compute="low",
        source="Practice; the two rates are those of Chollet 2020, Transfer learning & fine-tuning (the guide of Keras)",
        strategy=Strategy(
            name="recipe-a",
            scope=Top(count=1),
            phases=HeadThenBody(head_until="converged", lr_mult=0.01),
            rates=Uniform(body_lr_mult=1.0, schedule="constant"),
        ),
        defaults={"lr": 1e-3, "epochs": 20, "patience": 3},
    ),
    Preset(
        title="Recipe B: some data",
        sentence="The head alone, then three groups with it: the head at 1e-4, the top groups at 1e-5, lower ones at 1e-6.",
        updates="the head, then the last three groups too",
        expect="Each part moves at a tenth of the rate of the one above it. With augmentation and weight decay a few hundred "
        "labels carry it; with rates so small it wants many epochs.",
        when="With hundreds to a few thousand labels, and images that differ somewhat from photographs.",
        analogy="Turning a large ship: full rudder at the stern, and at the bow barely a degree.",
        forgetting="medium",
        labels="some",
        compute="medium",
        source="Practice; rates that fall with depth: Howard & Ruder 2018",
        strategy=Strategy(
            name="recipe-b",
            scope=Top(count=3),
            phases=HeadThenBody(head_share=0.3, lr_mult=1.0),
            rates=ByLevel(top=0.1, middle=0.01, bottom=0.01, schedule="constant"),
        ),
        defaults={"lr": 1e-4, "epochs": 20, "augment": True, "weight_decay": 0.05},
    ),
    Preset(
        title="Recipe C: large data",
        sentence="The head at 1e-3 until it has converged, then everything at 1e-6, held near the old weights.",
        updates="the head, then everything",
        expect="Moves everything by very little, against strong regularization: weight decay, fresh augmentation in every "
        "epoch, and a pull to the old weights. Wants thousands of labels and many epochs before it differs from a probe.",
        when="With thousands of labels and a kind of image far from photographs, when nothing of the old may be lost.",
        analogy="Restoring an old painting: all of it is touched, and nowhere is more taken off than must be.",
        forgetting="low",
        labels="many",
        compute="high",
        source="Practice; the pull: Li et al. 2018, L2-SP",
        strategy=Strategy(
            name="recipe-c",
            scope=All(),
            phases=HeadThenBody(head_share=0.2, head_until="converged", lr_mult=1e-3),
            rates=Uniform(body_lr_mult=1.0, schedule="constant"),
            pull=L2SP(head_strength=0.0),
        ),
        defaults={"lr": 1e-3, "epochs": 30, "augment": True, "views": 0, "weight_decay": 0.1, "patience": 5},
    ),
)
