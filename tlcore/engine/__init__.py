"""Who runs what, where and when: the queue of this machine, its worker, and runs in the foreground. No torch."""

from tlcore.engine.foreground import run
from tlcore.engine.launch import Options
from tlcore.engine.local import LocalEngine

__all__ = ["LocalEngine", "Options", "run"]
