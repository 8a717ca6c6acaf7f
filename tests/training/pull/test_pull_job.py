"""Pulls through the jobs: what is refused early, where source images come from, and what a measurement costs."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from tlcore import run
from tlcore.data.load import Split
from tlcore.errors import SpecError
from tlcore.models.catalogue import backbone_card
from tlcore.runs import EventWriter, create
from tlcore.spec import MeasureSpec, RunSpec
from tlcore.strategies import Strategy, compile_plan, preset
from tlcore.strategies.pull import EWC, L2SP, PULLS, NoPull, Pull, Replay
from tlcore.strategies.scope import HeadOnly, Top
from tlcore.strategies.start import FromRun, Random
from tlcore.training.measure import measure
from tlcore.training.pull import source
from tlcore.training.pull.refuse import refuse_pull
from tlcore.training.pull.source import drawn, source_of
from tlcore.training.refuse import refuse_early

DIGITS = {"dataset": "digits", "image_size": 32, "images_per_class": 6, "batch_size": 16, "device": "cpu", "epochs": 1}
WITHOUT_HEAD = "vit_small_patch14_reg4_dinov2"


def _spec(strategy: str | Strategy, **fields: object) -> RunSpec:
    return RunSpec(**({"backbone": "mobilenetv3_small_100"} | DIGITS | fields), strategy=strategy)


def _changed(name: str, **axes: object) -> Strategy:
    return preset(name).model_copy(update={"name": "custom", **axes})


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        (_spec(_changed("ewc", start=Random())), "random weights know nothing"),
        (_spec(_changed("l2-sp", start=Random())), "random weights know nothing"),
        (_spec(_changed("replay", scope=HeadOnly())), "only the new head trains"),
        (_spec(_changed("ewc", pull=EWC(fisher="empirical"))), "needs source images with labels"),
        (_spec("lwf", backbone=WITHOUT_HEAD, image_size=28), "come without a classifier"),
        (_spec("lwf", backbone="resnet18", head="attention", image_size=64), "attention head does without"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_pull_that_cannot_work_is_refused_before_anything_is_fetched(spec: RunSpec, words: str):
    with pytest.raises(SpecError, match=words) as refusal:
        refuse_early(spec)
    assert refusal.value.next_step


def test_what_can_work_is_let_through():
    refuse_early(_spec("l2-sp", backbone=WITHOUT_HEAD, image_size=42))
    refuse_early(_spec("lwf", backbone="resnet18", image_size=64))
    refuse_early(_spec(_changed("ewc", start=Random(), pull=EWC(strength=0))))


@pytest.mark.parametrize(
    ("pull", "after", "refused"),
    [
        (L2SP(), "kept", False),
        (L2SP(strength=0.0), "kept", True),  # beta is for a fresh head
        (L2SP(), "fresh", True),
        (EWC(), "kept", False),
        (EWC(), "fresh", True),
    ],
)
def test_a_head_alone_is_held_where_it_is_kept(pull: Pull, after: str, refused: bool):
    start = FromRun(run_id="20261120T224500-lite0-chest-xray-lp-ft-7f3a", head=after)
    spec = _spec(Strategy(scope=HeadOnly(), pull=pull, start=start))
    card = backbone_card(spec.backbone)
    plan = compile_plan(spec.strategy, card.groups_with_head(10), epochs=1, lr=1e-3)
    if refused:
        with pytest.raises(SpecError, match="only the new head trains"):
            refuse_pull(spec, card, plan)
    else:
        refuse_pull(spec, card, plan)


def test_every_second_photograph_is_left_for_measuring(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    asked = {}

    def photos(name: str, **options: object) -> Split:
        asked.update(options, name=name)
        pictures = np.arange(21, dtype=np.uint8)[:, None, None, None] * np.ones((1, 32, 32, 3), np.uint8)
        return Split(pictures, np.zeros(21, np.int64), tuple(map(str, range(21))))

    monkeypatch.setattr(source, "load_unlabelled", photos)
    found = source_of(_spec(_changed("replay", pull=Replay(images=5)), seed=1), tmp_path)
    places = found.images[:, 0, 0, 0].tolist()
    assert (asked["name"], asked["image_size"], asked["interpolation"]) == ("natural-photos", 32, "bicubic")
    assert len(set(places)) == 5
    assert places == sorted(places)
    assert not any(place % 2 for place in places)
    assert found.labels is None
    again = source_of(_spec(_changed("replay", pull=Replay(images=5)), seed=1), tmp_path)
    other = source_of(_spec(_changed("replay", pull=Replay(images=5)), seed=2), tmp_path)
    assert np.array_equal(again.images, found.images)
    assert not np.array_equal(other.images, found.images)
    assert len(source_of(_spec("ewc"), tmp_path).images) == 11
    for name in ("full", "l2-sp", "lwf"):
        assert source_of(_spec(name), tmp_path) is None


def test_labels_stay_with_their_images():
    images = np.arange(30, dtype=np.uint8)[:, None, None, None] * np.ones((1, 2, 2, 3), np.uint8)
    found = drawn(images, np.arange(30) % 7, 12, 0, "things")
    assert np.array_equal(found.images[:, 0, 0, 0] % 7, found.labels)
    assert found.sentence == "12 things"


@pytest.mark.slow
def test_from_a_run_of_one_s_own_its_images_and_its_head_are_kept(tmp_path: Path):
    before = run(_spec("random-features", seed=4), runs_dir=tmp_path, progress=False)
    start = FromRun(run_id=before["run_id"], head="fresh")

    def after(pull: object) -> dict:
        strategy = Strategy(scope=Top(count=1), pull=pull, start=start)
        return run(_spec(strategy, lr=0.05, precision="float32", views=1), runs_dir=tmp_path, progress=False)

    plain = after(NoPull())
    assert "pull" not in plain["history"][0]["train"]
    for pull in (Replay(strength=2.0, images=40), EWC(strength=100.0, fisher="empirical", images=40)):
        result = after(pull)
        assert result["history"][-1]["train"]["pull"] > 0
        assert result["test"] != plain["test"]
        assert any("40 training images of your run" in text for text in result["notices"])


class _Ticking:
    """A clock by which everything takes a second."""

    now = 0.0

    def perf_counter(self) -> float:
        self.now += 1
        return self.now


@pytest.mark.parametrize("kind", PULLS)
def test_a_measurement_times_the_pull_and_fetches_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str):
    monkeypatch.setenv("THAW_OFFLINE", "1")
    monkeypatch.setattr("tlcore.training.pull.timed.time", _Ticking())
    spec = _spec(Strategy(scope=Top(count=1), pull=PULLS[kind]()))
    asked = create(tmp_path, MeasureSpec(run=spec, train_images=40, val_images=10, test_images=10, classes=10))
    with closing(EventWriter(asked)) as events:
        found = measure(asked, events)
    pull = PULLS[kind]()
    once = 2.0 if pull.active else 0.0  # to make the term, and to ready it for the only phase
    if "images" in pull.needs:
        assert found["pull"]["seconds"] > 2 * once  # it is timed on a few images of many
    else:
        assert found["pull"]["seconds"] == once
    evaluation = (10 + 10) / found["eval_images_per_second"]
    steps = sum(phase["seconds"] for phase in found["phases"])
    assert found["seconds_again"] == pytest.approx(steps + evaluation + found["pull"]["seconds"])
