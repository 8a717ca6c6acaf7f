"""What remedies keep of the source, and cost, beside plain full fine-tuning: `python tests/bench/remedies.py RUNS_DIR`.

For the runs of a comparison that asked ImageNet (README, "What fine-tuning forgets"). The weights that each run kept are asked
once more for their images of CIFAR-10, so that it is known image by image which answers are right; every strategy is then held
against `full`, seed by seed. Each difference has two intervals of 95 %: over the images, resampled as one for all seeds (test
images by patient), and over the seeds (Student's), of which 3 tell little. Prints a line for each strategy.
"""

from __future__ import annotations

import sys
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.stats import t as student

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from tlcore.forgetting.ends import load_ends  # noqa: E402 - found only once the path is there
from tlcore.runs import Run, all_runs  # noqa: E402
from tlcore.source_probes.probes import SourceProbes, make_probes  # noqa: E402
from tlcore.spec import RunSpec  # noqa: E402
from tlcore.training.intervals import mean_interval  # noqa: E402
from tlcore.training.machine import choose  # noqa: E402

SOURCE = "imagenet-cifar10"


@dataclass(frozen=True)
class Right:
    """Which answers of one run are right."""

    source: np.ndarray  # bool (N,)
    target: np.ndarray  # bool (M,): test images
    patients: list[str]


def main() -> int:
    folder = Path(sys.argv[1])
    machine, probes = choose("cpu", "float32"), None
    found: dict[str, dict[int, Right]] = defaultdict(dict)
    for run in all_runs(folder):
        spec, result = run.spec(), run.result()
        if not isinstance(spec, RunSpec) or result is None or SOURCE not in result.get("source", {}):
            continue
        ends = load_ends(run, spec, tuple(result["classes"]))
        machine.place(ends.network.module)
        if probes is None:
            probes = make_probes(spec, ends.put(ends.start), machine, folder, names=(SOURCE,), images=spec.source_images)
        found[spec.strategy.name][spec.seed] = _right(run, probes, ends.put(ends.end), machine, result)
    plain = found.pop("full")
    for name, runs in found.items():
        seeds = sorted(runs.keys() & plain.keys())
        source = _difference([(runs[seed].source, plain[seed].source) for seed in seeds], None)
        target = _difference([(runs[seed].target, plain[seed].target) for seed in seeds], plain[seeds[0]].patients)
        print(f"{name}: ImageNet {source}; test images {target}")
    return 0


def _right(run: Run, probes: SourceProbes, network: object, machine: object, result: dict) -> Right:
    look = probes.look(network, machine)[SOURCE]
    kept = result["source"][SOURCE]["after"]["value"]
    assert abs(look.value - kept) < 1e-9, (run.id, look.value, kept)  # the weights answer as they did
    with np.load(run.path / "predictions.npz") as saved:
        return Right(look.correct, saved["probabilities"].argmax(1) == saved["labels"], saved["clusters"].tolist())


def _difference(pairs: list[tuple[np.ndarray, np.ndarray]], patients: list[str] | None) -> str:
    """'+7.1 points (+4.7 to +9.6 over images; +0.9 to +13.3 over 3 seeds)'."""
    each = np.array([own.astype(float) - other for own, other in pairs])
    images = mean_interval(each.mean(0), seed=0, clusters=patients)
    by_seed = 100 * each.mean(1)
    reach = student.ppf(0.975, len(by_seed) - 1) * by_seed.std(ddof=1) / len(by_seed) ** 0.5
    low, high = (100 * (images[end] if images[end] is not None else images["value"]) for end in ("low", "high"))
    over = f"{by_seed.mean() - reach:+.1f} to {by_seed.mean() + reach:+.1f} over {len(by_seed)} seeds"
    return f"{100 * images['value']:+.1f} points ({low:+.1f} to {high:+.1f} over images; {over})"


if __name__ == "__main__":
    raise SystemExit(main())
