"""The diagnosis on the Train page: what it says of a run, and what its buttons do."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest

from tests.pages.driving import opened, press, said
from tests.pages.fabricate import STEPS_PER_EPOCH, Fabricated
from tlcore.files import Lock
from tlcore.spec import RunSpec

AS_IT_RAN = {"source_probes": "none"}  # where the form would ask some
STEADY = "exploding loss, nothing moves, first steps that overshoot, one class for every image"

page = partial(opened, "train.py")


def epoch_of(made: Fabricated, number: int, train: float, val: float, **recalls: float) -> None:
    """One epoch's event; accuracy follows from the recalls, `normal` being 38 % of the images."""
    accuracy = 0.38 * recalls["normal"] + 0.62 * recalls["pneumonia"]
    event = made.events.write(
        "epoch",
        epoch=number,
        step=(number + 1) * STEPS_PER_EPOCH,
        phase=0,
        train={"loss": train, "accuracy": 0.995},
        val={"loss": val, "accuracy": accuracy, "auroc": 0.9, "recall": recalls},
        rates=made.plan.phases[0].rates,
        drift={group.name: 0.001 for group in made.plan.groups} | {"head": 0.4},
        best=number == 0,
        seconds=6.0,
        images_per_second=200.0,
        seconds_left=0.0,
    )
    made.history.append(event)


@pytest.fixture
def over_fitted(runs: Path) -> Fabricated:
    """Six epochs, the best of which is the second, and a test split that looks well."""
    made = Fabricated(runs, RunSpec(dataset="chest-xray", strategy="full", epochs=6, augment=False))
    made.begin()
    for number, (train, val) in enumerate([(0.5, 0.40), (0.3, 0.30), (0.2, 0.38), (0.1, 0.45), (0.05, 0.5), (0.02, 0.52)]):
        made.step(number * STEPS_PER_EPOCH + 1)
        epoch_of(made, number, train, val, normal=0.85, pneumonia=0.9)
    made.finish()
    made.events.close()
    return made


def test_a_finding_has_what_was_seen_what_it_means_and_a_button_that_fills_in_the_form(over_fitted: Fabricated):
    app = page(run=over_fitted.run.id)
    text = said(app)
    assert "Diagnosis" in text
    assert "**Over-fitting**" in text
    assert "After epoch 2 the validation loss rises from 0.300 to 0.520, while the training loss falls from 0.300" in text
    assert "It memorises its training images" in text
    clear = f"{STEADY}, under-fitting and forgetting."
    assert f"Also looked for, and not seen: {clear}" in text
    assert "Cannot be told: the head alone does better (no probe of these images" in text
    labels = [button.label for button in app.button]
    assert labels.count("Turn augmentation on") == 1  # not offered once more as what to try next
    press(app, "Turn augmentation on")
    assert app.query_params == AS_IT_RAN | {"strategy": "full", "epochs": "6"}
    assert next(toggle for toggle in app.toggle if toggle.label == "Augmentation").value is True


def test_an_all_clear_says_what_was_looked_for(runs: Path, fabricated):
    made = fabricated(done=True, strategy="last-group", epochs=4)
    text = said(page(run=made.run.id))
    clear = f"{STEADY}, over-fitting and under-fitting."
    assert f"Nothing looks wrong. Looked for: {clear}" in text
    assert "forgetting (the weights moved by up to 0.26 %" in text


def test_a_probe_of_the_same_data_is_held_beside_it_and_the_button_begins_from_its_head(runs: Path, fabricated):
    made = fabricated(done=True, strategy="last-group", epochs=4)
    probe = fabricated(done=True, strategy="linear-probe", epochs=4).run
    probe.write_result(probe.result() | {"val": {"accuracy": 0.99, "n": 375}})
    app = page(run=made.run.id)
    assert "**The head alone does better**" in said(app)
    assert "the head alone on frozen features, 99.0 %" in said(app)
    (remedy,) = [button for button in app.button if button.key == "remedy-better-alone"]
    remedy.click().run()
    assert app.query_params["strategy"] in ("linear-probe", ["linear-probe"], "lp-ft", ["lp-ft"])


def test_a_live_run_is_stopped_with_the_remedy_in_the_form(runs: Path):
    made = Fabricated(runs, RunSpec(dataset="chest-xray", strategy="full", epochs=6))
    with Lock(made.run.path / "run.lock"):
        made.state("running")
        made.begin()
        made.step(1)
        for number in range(2):
            epoch_of(made, number, 0.6, 0.6, normal=0.0, pneumonia=1.0)
        app = page(run=made.run.id)
        assert "It names 'pneumonia' for almost every validation image" in said(app)
        press(app, "Stop and apply: lower the rate to 1e-4")
        assert made.run.cancel_requested()
        assert app.query_params == AS_IT_RAN | {"strategy": "full", "epochs": "6", "lr": "0.0001"}
        app = page(run=made.run.id)
        assert "It names" not in said(app)  # it is being cancelled: there is nothing left to stop
    made.events.close()


def test_a_live_run_that_could_only_be_better_is_left_alone(runs: Path):
    made = Fabricated(runs, RunSpec(dataset="chest-xray", strategy="full", epochs=6))
    with Lock(made.run.path / "run.lock"):
        made.state("running")
        made.begin()
        for number, (train, val) in enumerate([(0.5, 0.30), (0.2, 0.38), (0.1, 0.45), (0.05, 0.5)]):
            epoch_of(made, number, train, val, normal=0.85, pneumonia=0.9)
        app = page(run=made.run.id)
        assert "Over-fitting" not in said(app)
        assert not [button.label for button in app.button if button.label.startswith("Stop and apply")]
    made.events.close()


def test_a_run_that_diverged_offers_a_lower_rate(runs: Path):
    made = Fabricated(runs, RunSpec(dataset="digits", strategy="last-group", epochs=3, lr=0.5))
    made.state("running")
    made.begin()
    made.step(1)
    error = {"type": "Diverged", "message": "The training loss is no longer a number.", "next_step": "Lower the rate."}
    made.state("failed", error=error)
    made.events.close()
    app = page(run=made.run.id)
    assert "**Exploding loss**" in said(app)
    press(app, "Lower the rate to 5e-2")
    assert app.query_params == AS_IT_RAN | {"dataset": "digits", "epochs": "3", "lr": "0.05"}


def test_a_remedy_that_the_form_has_no_controls_for_says_so_and_stays(runs: Path):
    none_is_like_it = {"name": "custom", "scope": {"kind": "bitfit"}, "phases": {"kind": "head-then-body"}}
    made = Fabricated(runs, RunSpec(dataset="digits", strategy=none_is_like_it, epochs=3, lr=0.5))
    made.state("running")
    made.begin()
    made.state("failed", error={"type": "Diverged", "message": "No number.", "next_step": ""})
    made.events.close()
    app = press(page(run=made.run.id), "Lower the rate to 5e-2")
    assert "no controls on this page" in said(app)
    assert app.query_params == {"run": made.run.id}
