"""What a strategy is: five axes, the presets named in the literature, and the Plan they compile to. No torch."""

from tlcore.strategies.plan import Phase, Plan, compile_plan
from tlcore.strategies.presets import STRATEGIES, Preset, defaults_of, preset
from tlcore.strategies.strategy import Strategy

__all__ = ["STRATEGIES", "Phase", "Plan", "Preset", "Strategy", "compile_plan", "defaults_of", "preset"]
