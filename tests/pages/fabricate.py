"""Run folders as a training job leaves them, for tests of the pages: the vocabulary is that of tlcore/README.md."""

from __future__ import annotations

import json
import math
import random
import time
from pathlib import Path
from typing import Any

from PIL import Image

from tlcore.groups import Group
from tlcore.made_with import MADE_WITH
from tlcore.models.catalogue import backbone_card
from tlcore.runs import EventWriter, Run, Status, create
from tlcore.spec import RunSpec
from tlcore.strategies import Plan, compile_plan

STEPS_PER_EPOCH = 40
HOSTILE = "<img src=x onerror=alert(1)> **bold** $x$"


def groups_of(spec: RunSpec, classes: int) -> tuple[Group, ...]:
    return backbone_card(spec.backbone).groups_with_head(classes)


class Fabricated:
    """A run whose events are written one by one."""

    def __init__(self, runs_dir: Path, spec: RunSpec, classes: tuple[str, ...] = ("normal", "pneumonia")) -> None:
        self.run: Run = create(runs_dir, spec)
        self.spec, self.classes = spec, classes
        self.plan: Plan = compile_plan(spec.strategy, groups_of(spec, len(classes)), epochs=spec.epochs, lr=spec.lr)
        self.chance = random.Random(spec.seed)
        self.events = EventWriter(self.run)
        self.history: list[dict[str, Any]] = []
        self.queued_at = self.run.status().queued_at

    @property
    def cut(self) -> dict[str, Any]:
        """A head that trains alone does so, in mini-batches, on a kept backbone; all else goes through the whole network."""
        kept = {"kind": "kept", "cut": "head", "views": 4, "bytes": 28_000_000, "reason": "Computed once.", "solver": "steps"}
        whole = {"kind": "whole", "cut": None, "views": 0, "bytes": 0, "reason": "All groups train.", "solver": "steps"}
        alone = [all(not phase.trains(group) for group in phase.rates if group != "head") for phase in self.plan.phases]
        prefix = {"precision": "float32", "seconds": {"float32": 0.006}, "error": 4e-6, "shapes": {"head": [1280]}}
        return {"phases": [kept if one else whole for one in alone], "prefix": prefix if any(alone) else None}

    def state(self, state: str, **fields: Any) -> None:
        ended = time.time() if state in ("done", "failed", "cancelled") else None
        self.run.write_status(
            Status(state, self.queued_at, started_at=self.queued_at, ended_at=ended, error=fields.get("error"))
        )
        self.events.write("state", state=state, **fields)

    def begin(self) -> None:
        self.events.write(
            "plan",
            plan=json.loads(json.dumps(self.plan.as_dict())),
            classes=list(self.classes),
            images={"train": 1280, "val": 375, "test": 638},
            steps_per_epoch=STEPS_PER_EPOCH,
            steps=self.plan.epochs * STEPS_PER_EPOCH,
            majority_baseline=0.62,
            device="cpu",
            precision="float32",
            batch_size=self.spec.batch_size,
            weights="made up",
            cut=self.cut,
        )

    def step(self, step: int) -> None:
        epoch = (step - 1) // STEPS_PER_EPOCH
        steps = self.plan.epochs * STEPS_PER_EPOCH
        index = self.plan.phase_of_epoch(epoch)
        share = 0.5 + 0.5 * math.cos(math.pi * step / steps)
        rates = {name: None if rate is None else rate * share for name, rate in self.plan.phases[index].rates.items()}
        loss = 0.15 + 0.55 * math.exp(-step / 60) + self.chance.gauss(0, 0.05)
        self.events.write(
            "step",
            step=step,
            steps=steps,
            epoch=epoch,
            phase=index,
            loss=loss,
            rates=rates,
            images_per_second=210.0,
            seconds_left=(steps - step) * 0.15,
        )

    def epoch(self, epoch: int) -> None:
        index = self.plan.phase_of_epoch(epoch)
        reached = 1 - math.exp(-(epoch + 1) / 2)
        moved = {
            group.name: 0.0 if rate is None else (0.9 if group.name == "head" else rate * 30) * reached
            for group in self.plan.groups
            for rate in [self.plan.phases[index].rates[group.name]]
        }
        val = {"loss": 0.6 - 0.4 * reached, "accuracy": 0.62 + 0.33 * reached, "balanced_accuracy": 0.5 + 0.43 * reached}
        val |= {"auroc": 0.5 + 0.485 * reached, "f1": 0.38 + 0.55 * reached, "ece": 0.05, "recall": {}}
        event = self.events.write(
            "epoch",
            epoch=epoch,
            step=(epoch + 1) * STEPS_PER_EPOCH,
            phase=index,
            train={"loss": 0.6 - 0.45 * reached, "accuracy": 0.6 + 0.37 * reached},
            val=val,
            rates=self.plan.phases[index].rates,
            drift=moved,
            best=True,
            seconds=6.1,
            images_per_second=210.0,
            seconds_left=(self.plan.epochs - epoch - 1) * 6.1,
        )
        self.history.append(event)

    def train(self, *, epochs: int | None = None, pause_seconds: float = 0.0) -> None:
        for epoch in range(self.plan.epochs if epochs is None else epochs):
            for step in range(1, STEPS_PER_EPOCH + 1):
                self.step(epoch * STEPS_PER_EPOCH + step)
                time.sleep(pause_seconds)
            self.epoch(epoch)

    def finish(self) -> None:
        (self.run.path / "errors").mkdir()
        Image.new("RGB", (64, 64), (90, 90, 90)).save(self.run.path / "errors" / "000.png")
        first, second = self.classes[:2]
        share = {"value": 0.948, "low": 0.929, "high": 0.964}
        errors = [{"id": "a", "file": "errors/000.png", "truth": first, "predicted": second, "confidence": 0.973}] * 8
        self.run.write_result(
            {
                "run_id": self.run.id,
                "made_with": dict(MADE_WITH),
                "backbone": self.spec.backbone,
                "dataset": self.spec.dataset,
                "strategy": self.spec.strategy.name,
                "seed": self.spec.seed,
                "image_size": self.spec.image_size,
                "classes": list(self.classes),
                "test": {
                    "n": 638,
                    "accuracy": share,
                    "balanced_accuracy": {"value": 0.941, "low": 0.920, "high": 0.960},
                    "auroc": {"value": 0.988, "low": 0.981, "high": 0.994},
                    "f1": {"value": 0.944, "low": 0.924, "high": 0.962},
                    "ece": {"value": 0.021},
                    "loss": {"value": 0.142},
                    "recall": {
                        first: {"value": 0.91, "low": 0.87, "high": 0.94},
                        second: {"value": 0.97, "low": 0.95, "high": 0.99},
                    },
                },
                "val": {},
                "majority_baseline": 0.62,
                "confusion": [[221, 21], [12, 384]],
                "trainable_params": self.plan.trainable_params,
                "total_params": self.plan.total_params,
                "seconds": 31.4,
                "images_per_second": 210.0,
                "epochs_run": len(self.history),
                "best_epoch": len(self.history),
                "stopped_early": False,
                "history": self.history,
                "plan": json.loads(json.dumps(self.plan.as_dict())),
                "drift": self.history[-1]["drift"],
                "weights": {"source": "package", "text": "made up", "sha256": "0" * 64, "licence": "none"},
                "data": {
                    "images": {"train": 1280, "val": 375, "test": 638},
                    "split_rule": "By patient.",
                    "digest": "0",
                    "warnings": [],
                },
                "errors": errors,
                "device": "cpu",
                "precision": "float32",
                "batch_size": self.spec.batch_size,
                "notices": [],
                "cut": self.cut | {"passes": {"needed": 6133, "computed": 133, "seconds": 2.0}},
            }
        )
        self.state("done")


def finished(runs_dir: Path, spec: RunSpec, classes: tuple[str, ...] = ("normal", "pneumonia")) -> Run:
    """A run that is done."""
    made = Fabricated(runs_dir, spec, classes)
    made.state("running")
    made.begin()
    made.train()
    made.finish()
    made.events.close()
    return made.run
