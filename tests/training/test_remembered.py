"""Source probes in trainings of the tiny network: they change nothing, repeat where nothing moved, and survive a checkpoint."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from tiny import Training, tiny_split
from torch import nn

from tlcore.source_probes.look import Look, Probe, log_probabilities
from tlcore.source_probes.probes import SourceProbes
from tlcore.strategies import Strategy, preset
from tlcore.training.checkpoint import Identity, load_checkpoint, save_checkpoint
from tlcore.training.fit import _looks_left, fit
from tlcore.training.forgotten import forgotten
from tlcore.training.remembered import Remembered, body_moved, numbers

IDENTITY = Identity(spec="s", data="d", weights="w")
CLOCK = {"seconds", "images_per_second", "seconds_left"}
IMAGES = 40
Probed = Callable[..., Training]


@pytest.fixture
def probed(training) -> Probed:
    """`probed(strategy, ...)`: as `training`, carrying a labelled probe and one of agreement, read by an old head."""

    def make(strategy: str | Strategy = "full", **fields: object) -> Training:
        made = training(strategy, **fields)
        network, machine, split = made.state.network, made.setup.machine, tiny_split(IMAGES, 9, noise=90.0)
        with torch.random.fork_rng():
            torch.manual_seed(11)
            head = nn.Linear(8, 3).requires_grad_(False)
            head.weight *= 20
        shared = {"images": split.images, "ids": split.ids, "head": head, "classes": ("dark", "bright", "none")}
        old = log_probabilities(network, machine, split.images, head)
        probes = SourceProbes(
            {
                "named": Probe(name="named", title="Named", measure="accuracy", chance=1 / 3, labels=split.labels, **shared),
                "agreed": Probe(
                    name="agreed", title="Agreed", measure="agreement", chance=None, labels=None, reference=old, **shared
                ),
            }
        )
        remembered = Remembered(probes, machine, probes.look(network, machine), 0.5)
        return Training(made.state, replace(made.setup, remembered=remembered))

    return make


def _finish(run: Training) -> tuple[list[dict], dict[str, torch.Tensor]]:
    for _ in fit(run.state, run.setup):
        pass
    history = [{name: value for name, value in event.items() if name not in CLOCK} for event in run.state.history]
    return history, run.state.network.module.state_dict()


def _without(history: list[dict]) -> list[dict]:
    return [{name: value for name, value in event.items() if name != "source"} for event in history]


def _same(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    return all(torch.equal(tensor, other[name]) for name, tensor in one.items())


TRAINED = preset("full").model_copy(update={"scope": preset("full").scope.model_copy(update={"batchnorm": "trained"})})


@pytest.mark.parametrize("strategy", ["linear-probe", "lp-ft", TRAINED], ids=["linear-probe", "lp-ft", "BatchNorm trained"])
def test_probes_change_no_bit_of_training(training, probed: Probed, strategy: str | Strategy) -> None:
    plain_history, plain = _finish(training(strategy))
    history, tensors = _finish(probed(strategy))
    assert _same(tensors, plain)
    assert _without(history) == plain_history
    assert all("source" not in event for event in plain_history)
    assert all(set(event["source"]) == {"named", "agreed"} for event in history)


def test_after_a_linear_probe_everything_is_as_it_was_to_the_last_bit_of_its_logits(probed: Probed) -> None:
    run = probed("linear-probe", epochs=3)
    probe = run.setup.remembered.probes.probes["named"]
    before = log_probabilities(run.state.network, run.setup.machine, probe.images, probe.head)
    history, _ = _finish(run)
    assert run.state.drift()["head"] > 0
    assert torch.equal(log_probabilities(run.state.network, run.setup.machine, probe.images, probe.head), before)
    computed = run.setup.remembered.probes.look(run.state.network, run.setup.machine)
    assert numbers(computed) == numbers(run.setup.remembered.first) == history[0]["source"] == history[2]["source"]
    assert run.state.source_seconds == 0.0, "so no look was computed"


def test_a_look_is_computed_once_something_moves_a_running_mean_too(probed: Probed) -> None:
    run = probed("lp-ft", epochs=4)
    history, _ = _finish(run)
    first = numbers(run.setup.remembered.first)
    phases = [event["phase"] for event in history]
    assert [event["source"] == first for event in history] == [phase == 0 for phase in phases]
    assert run.state.source_seconds > 0
    still = probed("linear-probe")
    assert not body_moved(still.state)
    buffers = dict(still.state.network.module.named_buffers())
    still.state.movable["top.1.running_mean"] = buffers["top.1.running_mean"]
    still.state.start["top.1.running_mean"] = buffers["top.1.running_mean"] + 1
    assert body_moved(still.state)


def test_stopped_and_gone_on_with_gives_the_same_source_numbers(probed: Probed, tmp_path: Path) -> None:
    fields = {"strategy": TRAINED, "epochs": 3}
    reference = probed(**fields)
    history, tensors = _finish(reference)
    assert len({event["source"]["agreed"]["kl"] for event in history}) == 3
    last = reference.setup.remembered._best
    watched = probed(**fields)
    kinds = [event["type"] for event in fit(watched.state, watched.setup)]
    ends = [place for place, kind in enumerate(kinds) if kind == "epoch"]
    for stop in (ends[0] - 1, ends[0], ends[1] + 2):  # within a look, at an epoch's end, within an epoch
        killed, resumed = probed(**fields), probed(**fields)
        for place, _ in enumerate(fit(killed.state, killed.setup)):
            if place == stop:
                save_checkpoint(tmp_path / "state.safetensors", killed.state, IDENTITY)
                break
        load_checkpoint(tmp_path / "state.safetensors", resumed.state, resumed.setup, IDENTITY)
        assert resumed.state.source_seconds == killed.state.source_seconds
        again_history, again_tensors = _finish(resumed)
        assert again_history == history
        assert _same(again_tensors, tensors)
        looks = list(_end(resumed.setup.remembered.looking(resumed.state)).values())
        assert [look.answers.tolist() for look in looks] == [look.answers.tolist() for look in last.values()], (
            "the best weights'"
        )


def _end(steps) -> dict[str, Look]:
    while True:
        try:
            next(steps)
        except StopIteration as done:
            return done.value


def test_looks_count_in_the_time_left(probed: Probed) -> None:
    run = probed("lp-ft", epochs=4)
    run.setup.remembered.seconds = 1000.0
    events = fit(run.state, run.setup)
    first = next(event for event in events if event["type"] == "step")
    body = run.setup.plan.phases[1].epochs
    assert first["seconds_left"] > 1000 * body > first["seconds_left"] - 100, "the head's epochs repeat the first look"
    left = [_looks_left(run.state, run.setup) for event in events if event["type"] == "epoch"]
    assert left == [*(body for _ in range(4 - body)), *reversed(range(body))]


def test_the_result_pairs_before_and_after_image_by_image(probed: Probed) -> None:
    run = probed(TRAINED, epochs=2, lr=0.05)
    history, _ = _finish(run)
    remembered = run.setup.remembered
    last = remembered.probes.look(run.state.network, run.setup.machine)
    told = forgotten(remembered, last, run.state)
    named, agreed = told["source"]["named"], told["source"]["agreed"]
    before, after = remembered.first["named"], last["named"]
    assert (named["before"]["value"], named["after"]["value"]) == (before.value, after.value)
    assert named["before"]["method"] == "wilson"
    assert named["lost"]["value"] == pytest.approx((before.correct.astype(int) - after.correct).mean())
    assert named["knn"]["lost"]["value"] == pytest.approx(before.knn - after.knn)
    assert (named["images"], named["chance"], named["measure"], named["kl"]) == (IMAGES, 1 / 3, "accuracy", None)
    assert named["by_epoch"] == [event["source"]["named"]["value"] for event in history]
    rows = named["lost_classes"]
    assert {row["class"] for row in rows} == {"dark", "bright"}, "none has no image"
    assert sum(row["images"] * row["before"] for row in rows) == pytest.approx(IMAGES * before.value)
    assert rows[0]["after"] - rows[0]["before"] <= rows[1]["after"] - rows[1]["before"]
    assert (agreed["knn"], agreed["lost_classes"]) == (None, None)
    assert agreed["kl"] == last["agreed"].kl > 0
    assert agreed["lost"]["value"] > 0
    lost = named["lost"]
    assert told["forgetting"] == {"lost": lost["value"], "low": lost["low"], "high": lost["high"], "source": "named"}
    assert told["source_seconds"] == run.state.source_seconds


def test_without_labels_agreement_stands_for_what_was_forgotten(probed: Probed) -> None:
    run = probed(TRAINED)
    _finish(run)
    remembered = run.setup.remembered
    alone = SourceProbes({"agreed": remembered.probes.probes["agreed"]})
    told = forgotten(replace(remembered, probes=alone), remembered.first, run.state)
    assert told["forgetting"]["source"] == "agreed"
    assert told["forgetting"]["lost"] == 0.0
    assert "reason" in told["source"]["agreed"]["lost"], "no interval without width"


def test_lost_of_patients_images_has_its_interval_over_patients(probed: Probed) -> None:
    run = probed(TRAINED, lr=0.05)
    _finish(run)
    remembered = run.setup.remembered
    owned = replace(remembered.probes.probes["named"], patients=tuple(f"p{i // 10}" for i in range(IMAGES)))
    last = remembered.probes.look(run.state.network, run.setup.machine)
    told = forgotten(replace(remembered, probes=SourceProbes({"named": owned})), last, run.state)["source"]["named"]
    assert told["before"]["method"] == "bootstrap"
    assert np.isfinite([told["lost"]["low"], told["lost"]["high"]]).all()
