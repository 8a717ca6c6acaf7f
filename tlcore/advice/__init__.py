"""Which strategy to try first: a situation, the rules of the playbook, and a ranked list with reasons. No torch."""

from tlcore.advice.rules import RULES, Advice, advise
from tlcore.advice.situation import Compute, Shift, Situation, Size

__all__ = ["RULES", "Advice", "Compute", "Shift", "Situation", "Size", "advise"]
