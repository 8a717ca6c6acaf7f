"""What a layer sees and how classes come apart, as parts of a page: from a job's folder, with hostile names, or without it."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from starlette.applications import Starlette
from starlette.testclient import TestClient
from streamlit.testing.v1 import AppTest

from pages import api
from tests.pages.fabricate import HOSTILE
from tlcore.files import write_json
from tlcore.runs import Run, create
from tlcore.spec import LayersSpec, RunSpec

CLASSES = ["normal", HOSTILE]
LATER = "20261121T051819-lite0-chest-xray-full-a5b6"
GROUPS = ("stem", "stage 1")
IMAGES, SIDE = 12, 8


def _seen(folder: Path, source: str, seed: int) -> dict[str, Any]:
    rng = np.random.default_rng(seed)
    arrays: dict[str, np.ndarray] = {"filters": rng.normal(size=(4, 3, 3, 3)), "labels": np.arange(IMAGES) % 2}
    for at in range(len(GROUPS)):
        arrays |= {
            f"values-{at}": rng.random((10, 4)),
            f"images-{at}": np.array([rng.permutation(IMAGES)[:4] for _ in range(10)]),
            f"places-{at}": rng.random((10, 4, 2)),
            f"alive-{at}": np.arange(10) != 7,
            f"maps-{at}": rng.normal(size=(3, 4, 4, 10)).astype(np.float16),
            f"channels-{at}": np.arange(10),
        }
    arrays["colours-0"] = rng.normal(size=(3, 4, 4, 3)).astype(np.float16)
    (folder / source).mkdir()
    np.savez(folder / source / "seen.npz", **arrays)
    group = {"channels": 10, "map": [4, 4], "silent": 1, "colours": [0.4, 0.2, 0.1], "why": None}
    return {
        "file": f"{source}/seen.npz",
        "looked_at": IMAGES,
        "kept": 4,
        "filters": {"layer": "conv1", "count": 4, "size": [3, 3], "patches": False},
        "shown": [{"row": i, "id": f"{HOSTILE} {i}", "class": CLASSES[i % 2]} for i in range(3)],
        "groups": [{"name": name, **group} for name in GROUPS],
    }


def _embedding(folder: Path, sources: list[str]) -> dict[str, Any]:
    rng = np.random.default_rng(0)
    places = [(i, j) for i in range(len(sources)) for j in range(len(GROUPS))]
    layouts = {f"{method}-{i}-{j}": rng.normal(size=(6, 2)) for method in ("pca", "tsne") for i, j in places}
    ids = np.array([f"{HOSTILE} {i}" for i in range(6)])
    np.savez(folder / "embedding.npz", rows=np.arange(6, 12), labels=np.arange(6) % 2, ids=ids, **layouts)
    knn = {"value": 0.8, "low": 0.7, "high": 0.9, "method": "wilson"}
    layers = [{"name": name, "silhouette": 0.1, "knn": knn, "neighbours": 5, "why": None} for name in GROUPS]
    return {
        "file": "embedding.npz",
        "methods": ["pca", "tsne"],
        "missing": {"umap": "UMAP is not installed here. To have it, run: pip install umap-learn"},
        "images": 6,
        "sources": [{"name": source, "layers": layers} for source in sources],
    }


def _made(runs: Path, sources: list[str], **changes: Any) -> Run:
    run = create(runs, LayersSpec(run=RunSpec(dataset="chest-xray")))
    Image.new("RGB", (4 * SIDE, 3 * SIDE)).save(run.path / "thumbnails.jpg")
    result = {
        "groups": [{"name": name, "group": name} for name in GROUPS],
        "recommendation": None,
        "weights": dict.fromkeys(sources, "Weights."),
        "classes": CLASSES,
        "images": {"train": 6, "val": 0, "test": 6},
        "majority_baseline": 0.5,
        "thumbnails": {"file": "thumbnails.jpg", "side": SIDE, "columns": 4, "count": IMAGES},
        "seen": {source: _seen(run.path, source, seed) for seed, source in enumerate(sources)},
        "embedding": _embedding(run.path, sources),
    }
    write_json(run.path / "result.json", result | changes)
    return run


def _page(run: Run) -> AppTest:
    def script(path: str) -> None:
        from pathlib import Path

        from pages.parts.layer_embedding import layer_embedding
        from pages.parts.layer_seen import layer_seen
        from tlcore.runs import Run

        run = Run(Path(path))
        layer_seen(run, run.result())
        layer_embedding(run, run.result())

    app = AppTest.from_function(script, args=(str(run.path),), default_timeout=60).run()
    assert not app.exception
    return app


def _said(app: AppTest) -> str:
    return " ".join(element.value.replace("\\", "") for element in (*app.caption, *app.markdown))


def test_a_network_and_a_run_of_it_stand_side_by_side(runs: Path) -> None:
    app = _page(_made(runs, ["pretrained", LATER]))
    assert app.selectbox(key="seen-after").value == LATER
    said = _said(app)
    assert "From Pretrained to Run a5b6 they change by" in said
    assert "The difference," in said
    assert "A channel's two lists share" in said
    assert "The same answer to every image: 1 channel (Pretrained) and 1 channel (Run a5b6)." in said
    assert "**Channel 7**" not in said  # nothing moves it
    assert "stage 1 has 4 × 4 places and 10 channels: too few to colour." in said
    app.selectbox(key="seen-group").set_value(0).run()
    assert not app.exception
    assert "Turned to each other, the two agree to" in _said(app)


def test_pages_of_channels_go_through_all_of_them(runs: Path) -> None:
    app = _page(_made(runs, ["pretrained"]))
    app.selectbox(key="excited-order-2").select("In their order").run()
    shown = [element.value for element in app.markdown if element.value.startswith("**Channel")]
    app.number_input(key="excited-1-In their order").set_value(2).run()
    shown += [element.value for element in app.markdown if element.value.startswith("**Channel")]
    assert shown == [f"**Channel {channel}**" for channel in range(10) if channel != 7]


def test_random_weights_are_not_compared_channel_by_channel(runs: Path) -> None:
    app = _page(_made(runs, ["pretrained", "random"]))
    assert app.selectbox(key="seen-after").value == "none"
    app.selectbox(key="seen-after").select("random").run()
    said = _said(app)
    assert not app.exception
    assert "share" not in said
    assert "they change by" not in said
    assert "lowest value of a channel in both pictures" in said


def test_a_run_that_began_with_other_weights_is_not_compared_channel_by_channel(runs: Path) -> None:
    said = _said(_page(_made(runs, ["pretrained", LATER], roots={"pretrained": "ab12", LATER: "random, seed 5, 2 classes"})))
    assert "share" not in said
    assert "they change by" not in said
    assert "The difference," not in said
    related = _said(_page(_made(runs, ["pretrained", LATER], roots=dict.fromkeys(("pretrained", LATER), "ab12"))))
    assert "From Pretrained to Run a5b6 they change by" in related


def test_where_not_all_are_laid_out_both_numbers_are_told(runs: Path) -> None:
    said = _said(_page(_made(runs, ["pretrained"], images={"train": 6, "val": 0, "test": 1500})))
    assert "1,500 test images after its 5 nearest" in said
    assert "Laid out are 6 of these." in said


def test_a_group_with_one_place_alone_marks_none(runs: Path) -> None:
    run = _made(runs, ["pretrained"])
    result = run.result()
    result["seen"]["pretrained"]["groups"][1] |= {"map": [1, 1]}
    write_json(run.path / "result.json", result)
    said = _said(_page(run))
    assert "stage 1 has one place alone, the whole image, so none is marked." in said
    assert "the frame is that value's place" not in said


def test_a_layer_without_a_map_says_so_in_place_of_the_pictures(runs: Path) -> None:
    run = _made(runs, ["pretrained"])
    result = run.result()
    why = "stage 1 gives out one number for each channel and no map, so that no place in the image can be named."
    result["seen"]["pretrained"]["groups"][1] |= {"why": why, "map": None, "channels": None, "colours": None}
    result["seen"]["pretrained"]["filters"] = None
    write_json(run.path / "result.json", result)
    said = _said(_page(run))
    assert said.count("stage 1 gives out one number for each channel") == 3
    assert "has no filters to see" in said


@pytest.mark.parametrize("lost", ["seen", "thumbnails", "embedding", "all"])
def test_what_is_not_there_says_what_to_do(runs: Path, lost: str) -> None:
    run = _made(runs, ["pretrained"], **({"seen": {}, "embedding": None} if lost == "all" else {}))
    files = {"seen": "pretrained/seen.npz", "thumbnails": "thumbnails.jpg", "embedding": "embedding.npz"}
    if lost in files:
        (run.path / files[lost]).unlink()
    said = _said(_page(run))
    assert ("kept no pictures" in said) == (lost != "embedding")
    assert ("laid no images out" in said) == (lost in ("embedding", "all"))


def test_where_no_method_could_lay_out_the_reason_is_told(runs: Path) -> None:
    few = "There are only 4 images; a layout needs 5 or more."
    run = _made(runs, ["pretrained"])
    embedding = run.result()["embedding"] | {"methods": [], "missing": {"pca": few, "tsne": few}}
    write_json(run.path / "result.json", run.result() | {"embedding": embedding})
    assert few in _said(_page(run))


def test_methods_that_nobody_asked_for_are_named(runs: Path) -> None:
    run = _made(runs, ["pretrained"])
    embedding = run.result()["embedding"] | {"methods": ["pca"], "missing": {}}
    write_json(run.path / "result.json", run.result() | {"embedding": embedding})
    assert "t-SNE and UMAP can be had too: ask again" in _said(_page(run))


def test_a_file_outside_the_run_is_not_read(runs: Path) -> None:
    run = _made(runs, ["pretrained"])
    (runs / "elsewhere.npz").write_bytes((run.path / "pretrained" / "seen.npz").read_bytes())
    result = run.result()
    result["seen"]["pretrained"]["file"] = "../elsewhere.npz"
    write_json(run.path / "result.json", result)
    assert "kept no pictures" in _said(_page(run))


def test_the_plane_gets_what_it_draws_and_names_stay_text(runs: Path) -> None:
    run = _made(runs, ["pretrained", "random"])
    app = _page(run)
    assert "UMAP is not installed here. To have it, run: pip install umap-learn" in _said(app)
    assert "6 test images after its 5 nearest training images (of 6)" in _said(app)
    app.segmented_control(key="embedding-method").set_value("tsne").run()
    app.selectbox(key="embedding-source").select("random").run()
    assert not app.exception
    assert "Neighbours stay neighbours" in _said(app)
    assert not [element for element in app.markdown if "<img" in element.value and "\\<img" not in element.value]
    table = app.dataframe[0].value
    assert list(table["weights"]) == ["pretrained"] * 2 + ["random"] * 2
    assert app.get("bidi_component")


def test_the_small_images_are_served_to_whoever_may_see_the_run(runs: Path) -> None:
    run = _made(runs, ["pretrained"])
    client = TestClient(Starlette(routes=api.ROUTES))
    answer = client.get(f"/api/runs/{run.id}/thumbnails")
    assert (answer.status_code, answer.headers["content-type"], answer.headers["cache-control"]) == (
        200,
        "image/jpeg",
        "no-store",
    )
    assert Image.open(io.BytesIO(answer.content)).size == (32, 24)
    (run.path / "thumbnails.jpg").unlink()
    refused = client.get(f"/api/runs/{run.id}/thumbnails")
    assert refused.status_code == 404
    assert "kept no small images" in refused.json()["error"]["message"]
    assert client.get("/api/runs/..%2f..%2fetc/thumbnails").status_code == 404
