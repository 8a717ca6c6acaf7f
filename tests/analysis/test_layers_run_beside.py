"""A finished run laid beside: what moved in it, and which runs cannot be."""

from __future__ import annotations

import json
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import timm
import torch
from safetensors.torch import load_file, save_file
from timm.data.constants import IMAGENET_DEFAULT_MEAN, IMAGENET_DEFAULT_STD

from tests.analysis.small_layers import GROUPS, RUN, Done, do, few_images
from tlcore.analysis import looking
from tlcore.analysis.moved import NOT_FINITE, OTHER_HEAD
from tlcore.errors import SpecError
from tlcore.runs import EventWriter, create
from tlcore.spec import LayersSpec
from tlcore.strategies import Strategy
from tlcore.strategies.scope import Top
from tlcore.training.job import train

pytestmark = pytest.mark.usefixtures("small_layers")


@pytest.mark.slow
def test_what_a_run_moved_and_what_it_left(answered: Done, trained: Done) -> None:
    _, result = answered
    run, training = trained
    for group in result["groups"]:
        drift, alike = group["drift"][run.id], group["cka"][f"random ~ {run.id}"]
        assert drift == pytest.approx(training["drift"][group["name"]], rel=1e-4), "what the run itself says"
        if group["name"] in GROUPS[-2:]:
            assert drift > 0
            assert alike < 1 - 1e-6
        else:
            assert drift == 0
            assert alike == pytest.approx(1)
            assert group["probe"]["random"] == group["probe"][run.id], "the same weights as the random ones of this seed"
    moves = result["moved"][run.id]
    assert list(moves) == [*GROUPS, "head"]
    assert moves["stem"]["activation_drift"] == 0
    low, high = moves["stage 6"]["activation_drift_interval"]
    assert 0 < low < moves["stage 6"]["activation_drift"] < high
    assert moves["stem"]["activation_drift_interval"] == [0, 0]
    low, high = moves["stage 6"]["activation_drift_source_interval"]
    assert low < moves["stage 6"]["activation_drift_source"] < high
    assert moves["head"]["activation_drift_interval"] is None
    assert moves["stage 6"]["fisher_after"] > 0
    assert moves["stem"]["activation_drift_source"] == 0
    assert moves["stage 6"]["activation_drift_source"] > 0
    assert moves["head"]["activation_drift_source"] is None
    assert moves["head"]["why"]["activation_drift_source"] == looking.NO_DRIFT_ON_PHOTOGRAPHS


@pytest.mark.slow
def test_a_run_of_another_backbone_is_refused(layers_runs: Path, trained: Done) -> None:
    other = RUN.model_copy(update={"backbone": "resnet18"})
    with pytest.raises(SpecError, match="its weights do not fit resnet18"):
        do(layers_runs, LayersSpec(run=other, runs=(trained[0].id,)))


def _drift_by_hand(start: Path, ended: Path, spec: LayersSpec) -> float:
    """||a - a0|| / ||a0|| at the top of the last group: timm's own model, with the weights before and those after."""
    data = few_images(spec)
    images = np.concatenate([split.images for split in (data.train, data.val, data.test)])
    pixels = torch.from_numpy(images / 255).permute(0, 3, 1, 2).float()
    mean, spread = (torch.tensor(values)[:, None, None] for values in (IMAGENET_DEFAULT_MEAN, IMAGENET_DEFAULT_STD))
    model = timm.create_model(RUN.backbone, num_classes=1000).eval()
    before = load_file(start)
    body = {name: tensor for name, tensor in load_file(ended / "weights.safetensors").items() if "classifier" not in name}
    seen = []
    for weights in (before, before | body):
        model.load_state_dict(weights)
        with torch.inference_mode():
            features = model.forward_features((pixels - mean) / spread)
            seen.append(model.forward_head(features, pre_logits=True).double())  # what the head sees
    return ((seen[1] - seen[0]).norm() / seen[0].norm()).item()


@pytest.mark.slow
def test_a_run_that_started_from_a_classifier_of_a_thousand_classes(layers_runs: Path, tmp_path: Path) -> None:
    """The old classifiers of the two networks, of 1,000 classes and of 10, stay out of what is compared."""
    file = tmp_path / "of a thousand.safetensors"
    torch.manual_seed(1)
    save_file(timm.create_model(RUN.backbone, num_classes=1000).state_dict(), file)
    own = RUN.model_copy(update={"weights": str(file)})
    strategy = Strategy(scope=Top(count=1))
    run = create(layers_runs, own.model_copy(update={"strategy": strategy, "images_per_class": 4, "epochs": 1}))
    with closing(EventWriter(run)) as events:
        run.write_result(train(run, events))
    run.write_status(replace(run.status(), state="done"))

    spec = LayersSpec(run=own, runs=(run.id,), images=60, photographs=20, sources=("pretrained",), embed=())
    _, result = do(layers_runs, spec)
    json.dumps(result, allow_nan=False)
    moves = result["moved"][run.id]
    assert [moves[name]["activation_drift"] == 0 for name in GROUPS] == [True] * 6 + [False]
    assert [moves[name]["weight_drift"] == 0 for name in GROUPS] == [True] * 6 + [False]
    assert moves["stage 6"]["activation_drift_source"] > 0
    assert moves["stage 6"]["activation_drift"] == pytest.approx(_drift_by_hand(file, run.path, spec), rel=1e-4)
    top = result["groups"][-1]
    assert top["leep"] is not None, "the classifier of a thousand classes is asked about these images"
    assert top["cka"][f"pretrained ~ {run.id}"] < 1


@pytest.mark.slow
def test_the_head_is_the_runs_own_or_none_and_a_run_that_is_not_finite_has_nulls(layers_runs: Path, tmp_path: Path) -> None:
    """Of a run with another seed and a head of another kind, the networks that are compared have heads drawn anew."""
    file = tmp_path / "of seven.safetensors"
    torch.manual_seed(2)
    save_file(timm.create_model(RUN.backbone, num_classes=7).state_dict(), file)
    own = RUN.model_copy(update={"weights": str(file)})
    changes = {"strategy": Strategy(scope=Top(count=1)), "head": "mlp", "seed": 9, "images_per_class": 4, "epochs": 1}
    run = create(layers_runs, own.model_copy(update=changes))
    with closing(EventWriter(run)) as events:
        training = train(run, events)
    run.write_result(training)
    run.write_status(replace(run.status(), state="done"))

    spec = LayersSpec(run=own, runs=(run.id,), images=60, photographs=20, sources=("pretrained",), embed=())
    moves = do(layers_runs, spec)[1]["moved"][run.id]
    assert moves["head"]["weight_drift"] == training["drift"]["head"] > 0
    assert moves["stage 6"]["weight_drift"] == pytest.approx(training["drift"]["stage 6"], rel=1e-4)
    for row in moves.values():
        assert row["gradient_before"] > 0
        assert (row["gradient_after"], row["fisher_after"]) == (None, None)
        assert row["why"]["gradient_after"] == OTHER_HEAD

    tensors = load_file(run.path / "weights.safetensors")
    backbone = [name for name in tensors if "classifier" not in name and tensors[name].ndim > 1]
    tensors[backbone[0]].fill_(torch.inf)
    save_file(tensors, run.path / "weights.safetensors")
    _, result = do(layers_runs, spec)
    json.dumps(result, allow_nan=False)
    top = result["moved"][run.id]["stage 6"]
    assert top["why"]["weight_drift"] == NOT_FINITE
    assert (top["activation_drift"], top["activation_drift_source"], top["weight_drift"]) == (None, None, None)
    assert result["recommendation"] is not None
