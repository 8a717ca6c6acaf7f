"""What this machine can do at best: products of matrices and copies of memory, measured and not looked up."""

from __future__ import annotations

from collections.abc import Callable

import torch

from tlcore.bench.timing import Clock, cpu_clock, timed

FORMATS = {"float32": torch.float32, "bfloat16": torch.bfloat16}
SIDES = (512, 1024, 2048)  # of the square matrices; the fastest one is the ceiling
SLOW_SECONDS = 0.1  # of one product: larger ones of a format that this processor only imitates are not waited for
COPY_BYTES = 256 * 2**20  # far more than any cache holds


def ceilings(*, rounds: int = 3, sides: tuple[int, ...] = SIDES, copy_bytes: int = COPY_BYTES) -> dict[str, float | int]:
    """The best of `rounds`, with the threads that torch now has: GFLOP/s of products by number format, GB/s of a copy."""
    products = {f"{name}_gflops": product_gflops(dtype, rounds=rounds, sides=sides) for name, dtype in FORMATS.items()}
    return products | {"copy_gb_per_s": copy_gb_per_second(rounds=rounds, size=copy_bytes), "threads": torch.get_num_threads()}


def product_gflops(dtype: torch.dtype, *, rounds: int = 3, sides: tuple[int, ...] = SIDES, clock: Clock = cpu_clock) -> float:
    """The fastest product of two square matrices of `dtype`: 2 n^3 operations each, in 10^9 a second."""
    best = 0.0
    for side in sides:
        a, b = torch.randn(2, side, side, generator=torch.Generator().manual_seed(0)).to(dtype)
        out = torch.empty(side, side, dtype=dtype)
        seconds = _fastest(lambda a=a, b=b, out=out: torch.mm(a, b, out=out), rounds, clock)
        best = max(best, 2 * side**3 / seconds / 1e9)
        if seconds > SLOW_SECONDS:
            break
    return best


def copy_gb_per_second(*, rounds: int = 3, size: int = COPY_BYTES, clock: Clock = cpu_clock) -> float:
    """A copy from memory to memory: bytes read and bytes written, in 10^9 a second."""
    source, target = torch.ones(size, dtype=torch.uint8), torch.zeros(size, dtype=torch.uint8)
    return 2 * size / _fastest(lambda: target.copy_(source), rounds, clock) / 1e9


def _fastest(action: Callable[[], object], rounds: int, clock: Clock) -> float:
    """The shortest time of one call, in calls of at least a twentieth of a second together: the clock ticks coarsely."""
    calls = max(1, round(0.05 / max(timed(action, clock), 1e-6)))

    def many() -> None:
        for _ in range(calls):
            action()

    return min(timed(many, clock) / calls for _ in range(rounds))
