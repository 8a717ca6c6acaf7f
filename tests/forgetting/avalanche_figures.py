"""Avalanche's own metric classes on the matrices of `test_matrix.py`: prints the figures that are recorded there.

    pip download --no-deps avalanche-lib==0.6.0 && unzip avalanche_lib-0.6.0-py3-none-any.whl -d FOLDER
    python tests/forgetting/avalanche_figures.py FOLDER

Avalanche asks for some fifteen packages that nothing here needs, so the tests do not install it. Its metrics alone import
without them: the `__init__` files of the packages around them are left out.
"""

from __future__ import annotations

import importlib
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import torch
from made_matrices import MATRICES

IMAGES = 100  # of each task: accuracies are whole percents


def metrics(folder: Path) -> tuple[ModuleType, ModuleType]:
    """Avalanche's modules of forgetting and of forward transfer."""
    for name in ("avalanche", "avalanche.evaluation", "avalanche.evaluation.metrics"):
        package = sys.modules[name] = ModuleType(name)
        package.__path__ = [str(folder / name.replace(".", "/"))]
    definitions = importlib.import_module("avalanche.evaluation.metric_definitions")
    for name in ("Metric", "PluginMetric", "GenericPluginMetric"):
        setattr(sys.modules["avalanche.evaluation"], name, getattr(definitions, name))
    around = sys.modules["avalanche.evaluation.metrics"]
    around.Mean = importlib.import_module("avalanche.evaluation.metrics.mean").Mean
    around.TaskAwareAccuracy = importlib.import_module("avalanche.evaluation.metrics.accuracy").TaskAwareAccuracy
    return tuple(
        importlib.import_module(f"avalanche.evaluation.metrics.{name}") for name in ("forgetting_bwt", "forward_transfer")
    )


def look(metric: Any, row: Sequence[float], learned: int) -> float:
    """Evaluate all tasks after task `learned` (-1: before the first), as Avalanche's loop does; what the metric says then."""
    strategy = SimpleNamespace(experience=SimpleNamespace(current_experience=learned), eval_every=0, is_eval=True)
    strategy.clock = SimpleNamespace(train_iterations=learned)
    if learned >= 0:
        metric.before_training_exp(strategy)
    metric._package_result = lambda strategy: None  # it would name a stream, which there is none of here
    metric.before_eval(strategy)
    for task, accuracy in enumerate(row):
        right = round(accuracy * IMAGES)
        strategy.experience = SimpleNamespace(current_experience=task)
        strategy.mb_y = torch.zeros(IMAGES, dtype=torch.long)
        strategy.mb_output = torch.eye(2)[[0] * right + [1] * (IMAGES - right)]
        metric.before_eval_exp(strategy)
        metric.after_eval_iteration(strategy)
        metric.after_eval_exp(strategy)
    metric.after_eval(strategy)
    return metric.result()


def main(folder: Path) -> None:
    forgetting, forward = metrics(folder)
    for name, (baseline, rows) in MATRICES.items():
        kinds = {
            "forgetting": forgetting.StreamForgetting(),
            "bwt": forgetting.StreamBWT(),
            "fwt": forward.GenericStreamForwardTransfer.__subclasses__()[0](),
        }
        said = {}
        for kind, metric in kinds.items():
            for learned, row in enumerate([baseline, *rows], start=-1):
                said[kind] = round(look(metric, row, learned), 6)
        print(name, json.dumps(said))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
