"""Specs: data that is checked, goes to JSON and back, and says what is wrong in words."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable

import pytest
from pydantic import ValidationError

import tlcore
from tlcore.errors import SpecError, UnknownName
from tlcore.spec import CheckSpec, MeasureSpec, RunSpec, make, parse
from tlcore.strategies import STRATEGIES, preset

RUN = RunSpec(dataset="digits", strategy="gradual", epochs=7, weights="mine.safetensors", patience=2)
SPECS = [
    RUN,
    CheckSpec(dataset="digits", images_per_class=3),
    MeasureSpec(run=RUN, train_images=10, val_images=0, test_images=0, classes=2),
]


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.kind)
def test_json_and_back(spec: RunSpec | CheckSpec | MeasureSpec) -> None:
    again = parse(spec.model_dump_json())
    assert again == spec
    assert type(again) is type(spec)
    assert again.digest() == spec.digest()
    assert parse(spec.model_dump(mode="json")) == spec


@pytest.mark.parametrize("name", STRATEGIES)
def test_every_preset_goes_to_json_and_back(name: str) -> None:
    spec = RunSpec(dataset="digits", strategy=name)
    assert spec.strategy == preset(name)
    assert parse(spec.model_dump_json()) == spec


def test_a_strategy_by_its_name_brings_what_its_preset_is_meant_with_and_what_is_given_wins() -> None:
    recipe = RunSpec(dataset="digits", strategy="recipe-b")
    assert (recipe.lr, recipe.weight_decay, recipe.epochs) == (1e-4, 0.05, 20)
    own = RunSpec(dataset="digits", strategy="recipe-a", lr=1e-3, epochs=5, patience=None)
    assert (own.lr, own.epochs, own.patience) == (1e-3, 5, None)
    assert parse('{"dataset": "digits", "kind": "train", "strategy": "recipe-c"}').views == 0


@pytest.mark.parametrize("name", [name for name, known in STRATEGIES.items() if known.defaults])
def test_a_strategy_given_as_data_brings_nothing(name: str) -> None:
    plain = RunSpec(dataset="digits", strategy=preset(name))
    usual = RunSpec(dataset="digits")
    assert all(getattr(plain, field) == getattr(usual, field) for field in STRATEGIES[name].defaults)
    assert plain != RunSpec(dataset="digits", strategy=name)
    written = {"kind": "train", "dataset": "digits", "strategy": preset(name).model_dump(mode="json")}
    for again in (parse(written), parse(json.dumps(written)), parse(plain.model_dump_json()), RunSpec(**written)):
        assert again == plain


def test_the_digest_is_the_same_in_every_process_and_differs_with_every_field() -> None:
    script = "from tlcore import RunSpec; print(RunSpec(dataset='digits').digest())"
    other = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout.strip()
    base = RunSpec(dataset="digits")
    assert other == base.digest()
    changes = {"seed": 1, "epochs": 6, "lr": 0.002, "strategy": "full", "augment": False, "images_per_class": 5}
    digests = {RunSpec(dataset="digits", **{name: value}).digest() for name, value in changes.items()}
    assert len(digests | {base.digest()}) == len(changes) + 1


def test_a_spec_cannot_be_changed() -> None:
    with pytest.raises(ValidationError):
        RUN.epochs = 3  # type: ignore[misc]


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({}, "dataset: Field required"),
        ({"dataset": "x", "epochs": 0}, "epochs: Input should be greater than or equal to 1 (given: 0)"),
        ({"dataset": "x", "lr": float("nan")}, "lr: Input should be a number (given: nan)"),
        ({"dataset": "x", "batch_size": "many"}, "(given: 'many')"),
        ({"dataset": "x", "seed": -1}, "seed: "),
        ({"dataset": "x", "colour": "red"}, "colour: There is no field of this name (given: 'red')"),
        ({"dataset": "x", "device": "tpu"}, "device: Input should be 'auto', 'cpu' or 'cuda' (given: 'tpu')"),
        ({"dataset": ""}, "dataset: "),
        ({"dataset": "x", "strategy": {"scope": {"kind": "everything"}}}, "strategy.scope: "),
    ],
)
def test_each_wrong_field_is_named_with_what_was_given(fields: dict, words: str) -> None:
    with pytest.raises(SpecError) as refusal:
        RunSpec(**fields)
    assert words in refusal.value.message
    assert refusal.value.next_step
    assert refusal.value.exit_code == 2


def test_a_strategy_that_does_not_exist_is_named_with_those_that_do() -> None:
    with pytest.raises(UnknownName, match="Did you mean 'lp-ft'") as refusal:
        RunSpec(dataset="x", strategy="lpft")
    assert set(refusal.value.allowed) == set(STRATEGIES)


@pytest.mark.parametrize(
    "build",
    [
        lambda: CheckSpec(dataset="x", image_size=5),
        lambda: make(RunSpec, dataset="x", image_size=5),
        lambda: RunSpec.model_validate({"dataset": "x", "image_size": 5}),
        lambda: MeasureSpec(
            run={"dataset": "x", "image_size": 5}, train_images=1, val_images=0, test_images=0, classes=2
        ),  # the run within is a spec too
        lambda: parse('{"kind": "check", "dataset": "x", "image_size": 5}'),
    ],
)
def test_every_way_to_make_a_spec_refuses_in_the_same_words(build: Callable[[], object]) -> None:
    with pytest.raises(SpecError, match=r"^image_size: Input should be greater than or equal to 16 \(given: 5\)\. Correct"):
        build()


@pytest.mark.parametrize("text", ["", "{", "[]", '{"kind": "dream"}', '{"kind": "train"}', "null", b"\xff"])
def test_what_is_no_spec_is_refused_in_words(text: str | bytes) -> None:
    with pytest.raises(SpecError):
        parse(text)


def test_lanes() -> None:
    assert [spec.lane for spec in SPECS] == ["train", "quick", "quick"]


def test_the_package_offers_run_and_its_spec() -> None:
    assert tlcore.RunSpec is RunSpec
    assert tlcore.run.__module__ == "tlcore.engine.foreground"
    with pytest.raises(AttributeError):
        tlcore.walk  # noqa: B018


def test_source_probes_are_named_once_each_and_the_training_alone_is_as_it_was_without_them() -> None:
    asking = RunSpec(dataset="digits", source_probes=["natural-photos", "natural-photos"], source_images=50, keep_epochs=True)
    assert asking.source_probes == ("natural-photos",)
    assert asking.training_alone() == RunSpec(dataset="digits")
    with pytest.raises(SpecError, match="source_probes"):
        RunSpec(dataset="digits", source_probes=["imagenet"])
    with pytest.raises(SpecError, match="source_images"):
        RunSpec(dataset="digits", source_images=5)
