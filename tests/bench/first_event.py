"""How long from pressing Start to the first event of the run: `python tests/bench/first_event.py [RUNS]`.

Submits real training runs (digits, a random start, so that nothing is fetched) to a worker that is warm, one after the
other, and times from `submit` until the folder tells the first event (the state), and until the job's own first one.
Expected on two CPU cores: medians near 0.03 s and well below 1.5 s.
"""

from __future__ import annotations

import contextlib
import os
import signal
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from tlcore.engine import LocalEngine, launch  # noqa: E402 - found only once the path is there
from tlcore.runs import FINISHED, Run  # noqa: E402
from tlcore.spec import RunSpec  # noqa: E402

SPEC = RunSpec(backbone="mobilenetv3_small_100", dataset="digits", strategy="random-features", epochs=1, image_size=32)
POLL_SECONDS = 0.002


def main() -> None:
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 10
    with tempfile.TemporaryDirectory() as folder:
        engine = LocalEngine(Path(folder))
        try:
            first, job_first = _one(engine)
            print(f"cold (starts the worker too): first event {first:.2f} s, the job's own {job_first:.2f} s")
            times = [_one(engine) for _ in range(runs)]
        finally:
            worker = launch.find(engine.runs_dir)
            if worker:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(worker, signal.SIGTERM)
    for name, values in zip(("first event", "the job's first event"), zip(*times, strict=True), strict=True):
        low, median, high = statistics.quantiles(values, n=4)
        print(f"warm, {runs} runs: {name} {median:.3f} s (quartiles {low:.3f} to {high:.3f}, worst {max(values):.3f})")


def _one(engine: LocalEngine) -> tuple[float, float]:
    began = time.perf_counter()
    run = engine.submit(SPEC)
    _wait(lambda: run.events()[0])
    first = time.perf_counter() - began
    _wait(lambda: _own_events(run) or run.status().state in FINISHED)
    job_first = time.perf_counter() - began
    _wait(lambda: run.status().state in FINISHED)
    if run.status().state != "done":
        sys.exit(f"the run ended as {run.status()}")
    return first, job_first


def _own_events(run: Run) -> list[str]:
    return [event["type"] for event in run.events()[0] if event["type"] != "state"]


def _wait(condition: Callable[[], object]) -> None:
    while not condition():
        time.sleep(POLL_SECONDS)


if __name__ == "__main__":
    main()
