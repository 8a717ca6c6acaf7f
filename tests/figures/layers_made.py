"""A result of a layers run made by hand: three groups, two sources and a run, every number known."""

from __future__ import annotations

from typing import Any

RUN = "20261121T120000-tf-efficientnet-lite0-chest-xray-full-0abc"
GROUPS = ("stem", "stage 1", "stage 2")
AUROC = {"pretrained": (0.80, 0.95, 0.93), "random": (0.78, 0.79, 0.77), RUN: (0.80, 0.95, 0.99)}
REACH = 0.02  # of every interval, on both sides


def result(**changes: Any) -> dict[str, Any]:
    """The whole result; `changes` replace its fields."""
    return {
        "groups": [_group(at, name) for at, name in enumerate(GROUPS)],
        "rank": {"logme": 1.0, "hscore": 0.5, "source": "pretrained", "with": "auroc", "groups": 3},
        "recommendation": {
            "group": "stage 2",
            "level": "top",
            "best": "stage 1",
            "metric": "auroc",
            "lead": {"value": 0.02, "low": -0.01, "high": 0.05, "over": "stage 2"},
            "evidence": ["The probe reads best off stage 1.", "The difference may be noise."],
            "more_than_noise": False,
        },
        "cka": {"sites": list(GROUPS), "pairs": _pairs(), "images": 1000, "batches": 1}
        | {"interval_over": "patients", "draws": 500},
        "moved": {RUN: {name: _moves(at) for at, name in enumerate((*GROUPS, "head"))}},
        "weights": {"pretrained": "From ImageNet.", "random": "Drawn from seed 0.", RUN: "Your run."},
        "classes": ["normal", "pneumonia"],
        "images": {"train": 500, "val": 200, "test": 300},
        "intervals_over": "patients",
        "majority_baseline": 0.6,
        "notices": ["Left out 9 exact duplicates."],
        "passes": {"pretrained": 1.0, "random": 1.0, RUN: 1.0},
        "forward_seconds": 3.0,
        "device": "CPU",
        "seconds": 10.0,
        "embedding": None,
        "seen": {},
        "thumbnails": {"file": "thumbnails.jpg", "side": 96, "columns": 32, "count": 1000},
        "shift": {"source": "Everyday photographs", "photographs": 200},
    } | changes


def measured(value: float) -> dict[str, Any]:
    return {"value": value, "low": value - REACH, "high": min(1.0, value + REACH), "method": "bootstrap"}


def _group(at: int, name: str) -> dict[str, Any]:
    last = at == len(GROUPS) - 1
    return {
        "name": name,
        "group": name,
        "band": ("bottom", "middle", "top")[at],
        "probe": {
            source: {"auroc": measured(values[at]), "balanced_accuracy": measured(0.7), "accuracy": measured(0.8)}
            | {"loss": {"value": 0.4}, "penalty": 0.1, "images": 300}
            for source, values in AUROC.items()
        },
        "logme": dict.fromkeys(AUROC, -0.5 + 0.1 * at),
        "hscore": dict.fromkeys(AUROC, 0.2 + 0.1 * at),
        "hscore_by_chance": dict.fromkeys(AUROC, 0.05 + 0.2 * at),
        "leep": -0.4 if last else None,
        "nce": None,
        "cka": {pair: table[at][at] for pair, table in _pairs().items() if len(set(pair.split(" ~ "))) == 2},
        "cka_interval": {
            pair: [table[at][at] - REACH, min(1.0, table[at][at] + REACH)]
            for pair, table in _pairs().items()
            if len(set(pair.split(" ~ "))) == 2
        },
        "drift": {RUN: 0.01 * (at + 1)},
        "shift": {"shift": 0.1 * at, "low": 0.1 * at - 0.05, "high": 0.1 * at + 0.05, "floor": 0.04}
        | {"a_distance": {"value": 0.5 * at, "low": 0.5 * at - 0.1, "high": 0.5 * at + 0.1, "chance": 0.2}},
        "why": {"nce": "The weights came without a classifier of their own."} if last else {"leep": "At the last group."},
    }


def _pairs() -> dict[str, list[list[float]]]:
    own = [[1.0, 0.6, 0.2], [0.6, 1.0, 0.5], [0.2, 0.5, 1.0]]
    tuned = [[0.99, 0.5, 0.2], [0.6, 0.9, 0.5], [0.2, 0.65, 0.6]]
    chance = [[0.9, 0.1, 0.0], [0.1, 0.3, 0.1], [0.0, 0.1, 0.1]]
    return {"pretrained ~ pretrained": own, "pretrained ~ random": chance, f"pretrained ~ {RUN}": tuned}


def _moves(at: int) -> dict[str, Any]:
    return {
        "weight_drift": 0.01 * (at + 1),
        "activation_drift": 0.0 if at == 0 else 0.1 * at,
        "activation_drift_source": 0.02,
        "activation_drift_interval": [0.0, 0.0] if at == 0 else [0.1 * at - 0.06, 0.1 * at + 0.06],
        "activation_drift_source_interval": None,
        "batchnorm_drift": None,
        "gradient_before": 0.5,
        "gradient_after": 0.5 / (at + 1),
        "fisher_before": 2.0,
        "fisher_after": 1.0,
        "why": {"batchnorm_drift": f"There is no BatchNorm in {(*GROUPS, 'head')[at]}."},
    }
