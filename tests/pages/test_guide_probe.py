"""Probe before you commit: the probe is offered first, and what it reached says whether unfreezing has anything to win."""

from __future__ import annotations

from typing import Any

from pages.parts.dial import dial_spec
from tests.pages.guide_page import ended, page, said, subject
from tlcore.runs import all_runs
from tlcore.strategies import preset


def probe(fabricated: Any, accuracy: float, named: str = "linear-probe", **changes: Any) -> None:
    """A finished run of the guide's on all digits, with this accuracy on 400 validation images."""
    spec = subject().run(named)
    fields = {name: getattr(spec, name) for name in type(spec).model_fields if name != "kind"}
    made = fabricated(done=True, **fields | changes)
    result = made.run.result()
    val = {"n": 400, "accuracy": accuracy, "balanced_accuracy": accuracy}
    made.run.write_result(result | {"val": val, "majority_baseline": 0.1})


def test_the_probe_is_offered_first(runs):
    app = page(dataset="digits")
    assert "Probe before you commit" in said(app)
    app.button(key="guide-probe").click().run()
    (run,) = all_runs(runs)
    assert run.spec() == subject().run("linear-probe")
    assert run.spec().augment is False


def test_a_finished_probe_says_what_is_left_to_win(runs, fabricated):
    probe(fabricated, 0.85)
    app = page(dataset="digits")
    text = said(app)
    assert "The probe names 85.0 % (81.2 to 88.2) of 400 validation images rightly." in text
    assert "At most 15.0 points are left to win, and no deeper run on the same images has shown yet" in text
    assert not [button for button in app.button if button.key == "guide-probe"]


def test_a_deeper_run_on_the_same_images_decides(runs, fabricated):
    probe(fabricated, 0.80)
    probe(fabricated, 0.95, "full")
    assert "+15.0 points (+10.5 to +19.5) against the probe: the plateau calls for unfreezing more." in said(
        page(dataset="digits")
    )


def test_runs_on_other_images_or_from_random_weights_count_for_nothing(runs, fabricated):
    probe(fabricated, 0.80)
    probe(fabricated, 0.95, "full", image_size=64)
    probe(fabricated, 0.95, "full", images_per_class=10)
    probe(fabricated, 0.95, "full", strategy=preset("from-scratch"))
    assert "no deeper run on the same images has shown yet" in said(page(dataset="digits"))


def test_a_dial_on_the_same_data_has_its_say(runs, fabricated):
    probe(fabricated, 0.85)
    levels = [
        {
            "group": group,
            "level": "top",
            "accuracy": {"value": value, "low": value - 0.03, "high": value + 0.03},
            "auroc": 0.9,
            "loss": 0.4,
            "trainable_params": params,
            "seconds": 2.0,
        }
        for group, value, params in (("head", 0.7, 10), ("stage 7", 0.9, 100))
    ]
    answer = {"levels": levels, "classes": list("0123456789"), "images": {"train": 160, "val": 179}, "epochs": 3}
    ended(runs, dial_spec(subject().run("full")), answer | {"majority_baseline": 0.1, "notices": [], "seconds": 4.0})
    text = said(page(dataset="digits"))
    assert "The dial, on 160 training images:" in text
    assert "stage 7" in text
