"""A run laid beside on the Layers page by its link, and weights of one's own there."""

from __future__ import annotations

from importlib.machinery import ModuleSpec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save

from pages.parts import layers_form
from pages.parts.layers_choice import beside_link, fields_of, from_link, spec_of, to_link
from tests.pages.driving import opened, press, said
from tests.pages.test_own_weights import state
from tlcore.errors import SpecError
from tlcore.runs import all_runs
from tlcore.settings import uploads_dir
from tlcore.spec import LayersSpec, RunSpec

PAGE = "layers.py"
RUN = "20261121T120000-resnet18-digits-full-0abc"
NAME = "weights-0123456789abcdef.safetensors"


def _asked(runs: Path) -> list[LayersSpec]:
    return [spec for run in all_runs(runs) if isinstance(spec := run.spec(), LayersSpec)]


def test_a_finished_run_leads_to_its_layers_with_the_form_filled(runs: Path, fabricated: Any) -> None:
    done = fabricated(done=True, backbone="resnet18", dataset="digits", image_size=64, seed=5)
    links = {link.proto.label: link.proto.query_string for link in opened("train.py", run=done.run.id).get("page_link")}
    assert links["Ask its layers"] == f"beside={done.run.id}"
    app = opened(PAGE, beside=done.run.id)
    assert app.selectbox(key="layers-backbone").value == "resnet18"
    assert app.multiselect(key="layers-beside-resnet18").value == [done.run.id]
    press(app, "Ask the layers")
    (spec,) = _asked(runs)
    assert (spec.runs, spec.sources) == ((done.run.id,), ("pretrained", "random"))
    assert (spec.run.dataset, spec.run.image_size, spec.run.seed) == ("digits", 64, 5)


def test_other_data_can_be_chosen_and_stay_chosen(runs: Path, fabricated: Any) -> None:
    done = fabricated(done=True, dataset="digits")
    app = opened(PAGE, beside=done.run.id, dataset="chest-xray")
    assert app.selectbox(key="layers-data").value.dataset == "chest-xray"
    assert "dataset" in app.query_params  # or the address would mean the run's


@pytest.mark.parametrize("link", [RUN, "../../etc/passwd"])
def test_a_run_that_is_not_here_leaves_the_usual_choices(runs: Path, link: str) -> None:
    app = opened(PAGE, beside=link)
    assert app.selectbox(key="layers-backbone").value == "tf_efficientnet_lite0"
    assert [button for button in app.button if button.label == "Ask the layers"]


def test_links_and_specs_bring_own_weights_back(runs: Path) -> None:
    spec = RunSpec(dataset="digits", backbone="resnet18", image_size=64, weights=str(uploads_dir() / NAME))
    fields, problems = from_link(beside_link(RUN, spec))
    assert problems == []
    assert (fields["weights"], fields["beside"], fields["dataset"]) == (NAME, (RUN,), "digits")
    again = spec_of(fields)
    assert again.run.weights == spec.weights
    assert fields_of(again) == fields | {"image_size": 64}
    assert to_link(fields) == beside_link(RUN, spec)
    with pytest.raises(SpecError, match="a file of its own"):
        fields_of(LayersSpec(run=RunSpec(dataset="digits", weights="/somewhere/else.safetensors")))
    assert "weights" in from_link({"weights": "../x"})[1][0]


def test_own_weights_are_asked_in_place_of_the_catalogues_or_refused(runs: Path) -> None:
    app = opened(PAGE, backbone="resnet18", dataset="digits")
    fits = {name: np.zeros(shape, np.float32) for name, shape in state("resnet18", 3).items()}
    app.file_uploader[0].upload("mine.safetensors", save(fits)).run()
    assert "Your own weights, under More settings, stand in the place of the pretrained ones." in said(app)
    assert "In use: your file mine.safetensors." in said(app)
    press(app, "Ask the layers")
    (spec,) = _asked(runs)
    assert Path(spec.run.weights).parent == uploads_dir()
    assert Path(spec.run.weights).is_file()


def test_another_backbones_file_is_refused_and_can_be_taken_back(runs: Path) -> None:
    app = opened(PAGE, dataset="digits")
    app.file_uploader[0].upload("mine.safetensors", save({"conv.weight": np.zeros((3, 3), np.float32)})).run()
    assert "Your file does not hold the weights of EfficientNet-Lite0" in said(app)
    assert not [button for button in app.button if button.label == "Ask the layers"]
    press(app, "Back to the catalogue's weights")
    assert "does not hold" not in said(app)
    assert "weights" not in app.query_params
    assert [button for button in app.button if button.label == "Ask the layers"]
    app.file_uploader[0].upload("x.safetensors", b"not a file").run()
    assert "That file is not a whole safetensors file." in said(app)


@pytest.mark.parametrize("there", [True, False])
def test_a_layout_that_is_not_installed_is_told_where_it_is_chosen(
    runs: Path, monkeypatch: pytest.MonkeyPatch, there: bool
) -> None:
    monkeypatch.setattr(layers_form, "find_spec", lambda name: ModuleSpec(name, None) if there else None)
    words = said(opened(PAGE, layouts="pca,umap"))
    assert ("UMAP is not installed here and is left out." in words) is not there
    assert "UMAP is not installed" not in said(opened(PAGE, layouts="pca,tsne"))
