"""What moves where that is not whole groups, in words."""

from __future__ import annotations

import pytest

from tlcore.figures.plan_words import plan_sentence
from tlcore.figures.words import strategy_title
from tlcore.groups import Group
from tlcore.strategies import Strategy, compile_plan, preset
from tlcore.strategies.rates import Uniform
from tlcore.strategies.scope import Bottleneck, LoRA, NormOnly

GROUPS = (
    Group("stem", "bottom", 1000, 0, 0, 10, 60),
    Group("stage 1", "middle", 2000, 2, 40, 20, 100, 1, 1, 8),
    Group("stage 2", "top", 6500, 2, 80, 40, 200, 0, 1, 16),
    Group("head", "head", 500),
)


@pytest.mark.parametrize(
    ("name", "begins"),
    [
        (
            "norm-only",
            "The head trains, and the scale and shift of the norm layers in stage 1 and stage 2; all other weights stay as "
            "they are. 620 of 10,000 parameters move (6.2 %).",
        ),
        ("bitfit", "The head trains, and the biases in every group; all other weights stay as they are. 570 of 10,000"),
        # 8 x 360 new ones; 500 of the head
        ("lora", "The head trains, and new adapters in every group; all other weights stay as they are. 3,380 of 12,880"),
    ],
)
def test_a_plan_says_what_of_a_group_moves(name: str, begins: str) -> None:
    assert plan_sentence(compile_plan(preset(name), GROUPS, epochs=1, lr=1e-3)).startswith(begins)


@pytest.mark.parametrize(
    ("scope", "title"),
    [
        (LoRA(rank=4), "LoRA of rank 4"),
        (LoRA(rank=4, dropout=0.1, from_group="top"), "LoRA of rank 4 and dropout 0.1, from top up"),
        (NormOnly(from_group="stage 2"), "Norm layers, from stage 2 up"),
        (Bottleneck(width=64), "Bottleneck adapters of width 64"),
    ],
)
def test_a_changed_scope_is_named_with_its_change(scope, title: str) -> None:
    assert strategy_title(Strategy(scope=scope, rates=Uniform(body_lr_mult=1.0))) == title  # the rate of its preset
    slow = strategy_title(Strategy(scope=scope, rates=Uniform(body_lr_mult=0.1)))
    assert slow == f"{title}, body rate 0.1 times the head's"
