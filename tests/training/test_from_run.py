"""A start from another run: its weights under the new run, chains of them, what is refused, and a cache that stays true."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from tlcore import run as run_now
from tlcore.errors import RunNotFound, SpecError, ThawError, WeightsUnavailable
from tlcore.models.ancestry import ancestry, check_start
from tlcore.models.catalogue import backbone_card
from tlcore.models.chain import build_from_run, source_of_run
from tlcore.models.freezing import state_of
from tlcore.models.network import Network, build
from tlcore.runs import EventWriter, Run, create, delete, open_run, restore
from tlcore.spec import CheckSpec, RunSpec
from tlcore.strategies import Strategy
from tlcore.strategies.scope import Bottleneck, HeadOnly, LoRA, Top
from tlcore.strategies.start import FromRun, Pretrained, Random
from tlcore.training import job
from tlcore.training.evaluate import predict
from tlcore.training.machine import choose
from tlcore.training.route import Route

SMALL = "mobilenetv3_small_100"
FIELDS = {
    "backbone": SMALL,
    "dataset": "digits",
    "device": "cpu",
    "precision": "float32",
    "augment": False,
    "image_size": 32,
    "images_per_class": 4,
    "epochs": 1,
    "batch_size": 16,
    "lr": 0.02,
}
DIGITS = tuple(str(digit) for digit in range(10))


@pytest.fixture(scope="module", autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("THAW_CACHE_DIR", str(tmp_path_factory.mktemp("cache")))
        yield


def spec_of(start: FromRun | Random | Pretrained, *, scope: object = None, **fields: object) -> RunSpec:
    strategy = Strategy(scope=scope or Top(count=1, batchnorm="trained"), start=start)
    return RunSpec(**FIELDS | {"strategy": strategy} | fields)


def train(runs: Path, spec: RunSpec) -> tuple[Run, dict]:
    result = run_now(spec, runs_dir=runs, progress=False)
    return open_run(runs, result["run_id"]), result


def follow(run: Run, *, head_after: str = "auto", **fields: object) -> RunSpec:
    """A spec that starts from `run` and trains the head."""
    return spec_of(FromRun(run_id=run.id, head=head_after), **({"scope": HeadOnly()} | fields))


def body(network: Network) -> dict[str, torch.Tensor]:
    return {name: tensor for name, tensor in state_of(network).items() if network.partition.tensors[name] != "head"}


def moved(run: Run) -> dict[str, torch.Tensor]:
    return load_file(run.path / "weights.safetensors")


@pytest.fixture(scope="module")
def squares(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with two classes of small pictures."""
    folder, rng = tmp_path_factory.mktemp("data") / "squares", np.random.default_rng(0)
    for level, name in ((60, "dark"), (180, "light")):
        (folder / name).mkdir(parents=True)
        for i in range(14):
            pixels = rng.normal(level, 30, (32, 32, 3)).clip(0, 255).astype(np.uint8)
            Image.fromarray(pixels).save(folder / name / f"{i}.png")
    return folder


@pytest.fixture(scope="module")
def chain(tmp_path_factory: pytest.TempPathFactory, squares: Path, _own_cache: None) -> tuple[Path, list[Run], list[dict]]:
    """Three runs, each from the one before: from random weights, on other images with another head, and back again."""
    runs = tmp_path_factory.mktemp("chain") / "runs"
    first = train(runs, spec_of(Random(), scope=Top(count=2, batchnorm="trained"), seed=5))
    second = train(runs, spec_of(FromRun(run_id=first[0].id), seed=6, dataset=str(squares), head="mlp"))
    third = train(runs, spec_of(FromRun(run_id=second[0].id), seed=7))
    made = (first, second, third)
    return runs, [run for run, _ in made], [result for _, result in made]


@pytest.fixture
def runs(chain: tuple[Path, list[Run], list[dict]], tmp_path: Path) -> Path:
    """A copy of the folder of runs, to break."""
    return Path(shutil.copytree(chain[0], tmp_path / "runs"))


def test_each_run_is_laid_over_the_one_before_it(chain) -> None:
    folder, (first, second, third), _ = chain
    expected = state_of(build(SMALL, classes=10, start="random", seed=5, image_size=32))
    for run in (first, second, third):
        layer = {name: tensor for name, tensor in moved(run).items() if not name.startswith("classifier.")}
        assert layer, "every run moved something of the body"
        expected |= layer
    found = body(build_from_run(follow(third), DIGITS, runs_dir=folder))
    assert found.keys() == {name for name in expected if not name.startswith("classifier.")}
    assert all(torch.equal(tensor, expected[name]) for name, tensor in found.items())


@pytest.mark.parametrize("backbone", ["resnet18", SMALL])
def test_random_weights_under_a_chain_are_those_of_its_first_run_whatever_the_classes(
    tmp_path: Path, squares: Path, backbone: str
) -> None:
    first, _ = train(tmp_path, spec_of(Random(), backbone=backbone, scope=HeadOnly(), seed=3))
    other = follow(first, backbone=backbone, dataset=str(squares), seed=9)
    network = build_from_run(other, ("dark", "light"), runs_dir=tmp_path)
    plain = build(backbone, classes=10, start="random", seed=3, image_size=32)
    assert all(torch.equal(tensor, body(plain)[name]) for name, tensor in body(network).items())
    fresh = build(backbone, classes=2, start="random", seed=9, image_size=32)
    assert torch.equal(network.head.weight, fresh.head.weight), "a fresh head is the seed's, as from every start"


def disagreement(run: Run, spec: RunSpec) -> float:
    """Between the answers of a run on its test images and those of the network that starts from it with its head."""
    network = build_from_run(spec, DIGITS, runs_dir=run.path.parent)
    with closing(EventWriter(run)) as events:
        data = job.load_data(spec, job.Reporter(run, events))
    machine = choose("cpu", "float32")
    machine.place(network.module)
    again = predict(Route(network, machine, {"test": data.test}, 0, False, False), "test", batch_size=32)
    with np.load(run.path / "predictions.npz") as saved:
        return float(np.abs(again - saved["probabilities"]).max())


def test_with_its_head_the_network_answers_as_the_run_did(chain) -> None:
    _, (*_, third), _ = chain
    assert disagreement(third, follow(third)) < 1e-5


def test_what_lora_learned_is_added_to_the_weights(tmp_path: Path) -> None:
    small = {"backbone": "test_resnet", "image_size": 64}
    first, _ = train(tmp_path, spec_of(Random(), scope=LoRA(), **small))
    assert all(".low_rank." in name or name.startswith("fc.") for name in moved(first))
    assert disagreement(first, follow(first, **small)) < 1e-4
    second, _ = train(tmp_path, spec_of(FromRun(run_id=first.id), scope=LoRA(), **small))
    assert disagreement(second, follow(second, **small)) < 1e-4, "adapters over merged adapters"
    network = build_from_run(follow(second, **small), DIGITS, runs_dir=tmp_path)
    assert not any(".low_rank." in name for name in network.module.state_dict())
    plain = build("test_resnet", classes=10, start="random", seed=0, image_size=64)
    assert any(not torch.equal(tensor, body(plain)[name]) for name, tensor in body(network).items())


def test_the_head_is_kept_where_classes_and_kind_are_the_same(chain) -> None:
    folder, (_, second, third), _ = chain
    own = moved(third)["classifier.weight"]

    def head(spec: RunSpec, classes: tuple[str, ...]) -> torch.Tensor:
        return next(build_from_run(spec, classes, runs_dir=folder).head.parameters()).detach()

    assert torch.equal(head(follow(third), DIGITS), own)
    assert torch.equal(head(follow(third, head_after="kept"), DIGITS), own)
    assert not torch.equal(head(follow(third, head_after="fresh"), DIGITS), own)
    assert not torch.equal(head(follow(third), (*DIGITS[1:], "0")), own), "the same names in another order"
    assert head(follow(third, head="mlp"), DIGITS).shape == (256, 1024)
    mlp = follow(second, head="mlp")
    assert torch.equal(head(mlp, ("dark", "light")), moved(second)["classifier.hidden.weight"])
    with pytest.raises(SpecError, match="knows the classes dark, light, and these images have 0, 1, 2, 3 and 6 more") as caught:
        head(follow(second, head="mlp", head_after="kept"), DIGITS)
    assert "fresh head" in caught.value.next_step
    with pytest.raises(SpecError, match="is of the kind linear, and cosine was asked for"):
        head(follow(third, head="cosine", head_after="kept"), DIGITS)


def test_the_result_says_the_chain_in_words(chain) -> None:
    _, (first, second, _), results = chain
    said = results[2]["weights"]["text"]
    assert said.startswith(f"The weights of your run {second.id} (custom on squares), which started from your run {first.id} ")
    assert said.endswith(
        "with a fresh head. The first one started from: Random weights drawn from seed 5: nothing was learned before."
    )
    assert "/" not in said, "a path is nobody's business"
    assert results[2]["weights"]["source"] == f"run {second.id}"
    digests = [result["weights"]["sha256"] for result in results]
    assert digests[0] is None
    assert len({digests[1], digests[2]}) == 2


def test_the_weights_of_a_run_say_where_the_rest_comes_from(chain) -> None:
    _, (_, second, _), results = chain
    with safe_open(second.path / "weights.safetensors", "pt") as file:
        header = file.metadata()
    assert (header["start"], header["head"]) == ("run", "mlp")
    assert header["start_sha256"] == results[1]["weights"]["sha256"]


def test_a_chained_start_has_rows_of_its_own_in_the_cache(chain, tmp_path: Path) -> None:
    folder, (first, _, third), _ = chain

    def computed(spec: RunSpec) -> int:
        return train(folder, spec)[1]["cut"]["passes"]["computed"]

    from_third, other = follow(third, epochs=2), follow(first, epochs=2)
    assert computed(from_third) > 0
    assert computed(follow(third, epochs=2, lr=0.01)) == 0, "the same weights below the head, asked again"
    assert computed(other) > 0, "other weights"
    assert computed(follow(third, epochs=2, head="cosine")) == 0, "what is above the cut plays no part"


def test_source_of_run_tells_what_may_be_forgotten(chain, squares: Path) -> None:
    _, (_, second, _), _ = chain
    source = source_of_run(second)
    assert source.spec.dataset == str(squares)
    assert source.classes == ("dark", "light")
    assert set(source.head) == {"hidden.weight", "hidden.bias", "output.weight", "output.bias"}
    assert torch.equal(source.head["output.weight"], moved(second)["classifier.output.weight"])


def test_the_old_head_stands_beside_the_network(chain) -> None:
    folder, (_, second, third), _ = chain
    network = build_from_run(follow(third, head_after="fresh"), DIGITS, runs_dir=folder)
    features = torch.randn(3, 1024, generator=torch.Generator().manual_seed(0))
    assert network.source_head is not None
    assert not any(parameter.requires_grad for parameter in network.source_head.parameters())
    expected = features @ moved(third)["classifier.weight"].T + moved(third)["classifier.bias"]
    assert torch.allclose(network.source_head(features), expected, atol=1e-5)
    assert build_from_run(follow(second), DIGITS, runs_dir=folder).source_head(features).shape == (3, 2)


class Stopped(Exception):
    """Stands for a kill."""


def test_killed_on_the_way_it_goes_on_bit_for_bit(chain, monkeypatch: pytest.MonkeyPatch) -> None:
    """With dropout in an MLP head, BatchNorm in train mode and augmentation, from a run's weights."""
    folder, (*_, third), _ = chain
    spec = follow(third, head="mlp", scope=Top(count=1, batchnorm="trained"), epochs=2, augment=True)
    whole, expected = train(folder, spec)
    run = create(folder, spec)

    class Killed(EventWriter):
        def write(self, kind: str, **fields: object) -> dict:
            event = super().write(kind, **fields)
            if kind == "step" and fields["epoch"] == 1:
                raise Stopped
            return event

    monkeypatch.setattr("tlcore.training.report.SECONDS_BETWEEN", 0.0)
    with closing(Killed(run)) as events, pytest.raises(Stopped):
        job.train(run, events)
    with closing(EventWriter(run)) as events:
        result = job.train(run, events)
    for name in ("test", "val", "confusion", "drift", "best_epoch"):
        assert result[name] == expected[name], name
    assert all(torch.equal(tensor, moved(whole)[name]) for name, tensor in moved(run).items())


# --- what is refused


def test_an_id_is_never_a_path() -> None:
    for given in ("../../etc", "", "x", "20261120T224500-a-b-7f3a/..", "20261120T224500-a-b-7f3a\n"):
        with pytest.raises(SpecError, match="This is not a run's id, such as 2026"):
            RunSpec(**FIELDS, strategy={"start": {"kind": "run", "run_id": given}})


def refusal(spec: RunSpec, runs: Path) -> ThawError:
    """What is said before the run has a folder."""
    before = sorted(path.name for path in runs.iterdir())
    with pytest.raises(ThawError) as caught:
        run_now(spec, runs_dir=runs, progress=False)
    assert sorted(path.name for path in runs.iterdir()) == before
    assert caught.value.next_step
    return caught.value


def test_a_run_that_cannot_be_started_from_is_refused_early(runs: Path, chain) -> None:
    first, second, third = (open_run(runs, run.id) for run in chain[1])
    said = refusal(follow(third, backbone="resnet18"), runs)
    assert (type(said), said.message) == (SpecError, f"Run {third.id} trained {SMALL}, and its weights do not fit resnet18.")
    assert SMALL in said.next_step
    assert "no other weights can be named" in refusal(follow(third, weights="package"), runs).message
    assert "cannot be kept" in refusal(follow(second, head_after="kept"), runs).message

    third.write_status(replace(third.status(), state="cancelled"))
    assert (
        refusal(follow(third), runs).message
        == f"Run {third.id} is cancelled: only a run that is done has weights to start from."
    )
    looked = create(runs, CheckSpec(dataset="digits"))
    assert "no training run" in refusal(follow(looked), runs).message

    second.path.joinpath("weights.safetensors").unlink()
    assert "are missing" in refusal(follow(second), runs).message
    adapted = json.loads((first.path / "spec.json").read_bytes())
    adapted["strategy"]["scope"] = Bottleneck().model_dump()
    (first.path / "spec.json").write_text(json.dumps(adapted))
    assert f"Run {first.id} trained bottleneck adapters" in refusal(follow(first), runs).message


def test_a_deleted_run_is_named_and_may_be_brought_back(runs: Path, chain) -> None:
    first, _, third = chain[1]
    waiting = create(runs, follow(third))
    delete(runs, first.id)
    with closing(EventWriter(waiting)) as events, pytest.raises(RunNotFound) as caught:
        job.train(waiting, events)
    assert caught.value.message.endswith("starts from, is not here any more.")
    assert f"Run {first.id}, which run {chain[1][1].id}" in caught.value.message, "the middle of the chain is missing"
    assert "Bring it back on the Runs page" in caught.value.next_step
    restore(runs, first.id)
    with closing(EventWriter(waiting)) as events:
        assert job.train(waiting, events)["weights"]["source"] == f"run {third.id}"


def test_windows_of_another_size_are_refused(runs: Path, chain) -> None:
    third = open_run(runs, chain[1][2].id)
    swin = "swin_tiny_patch4_window7_224"
    for run in chain[1]:
        asked = json.loads((runs / run.id / "spec.json").read_bytes()) | {"backbone": swin, "image_size": 64}
        (runs / run.id / "spec.json").write_text(json.dumps(asked))
    card = backbone_card(swin)
    with pytest.raises(SpecError, match="has other weights at another image size") as caught:
        check_start(follow(third, backbone=swin, image_size=128), card, runs)
    assert "Set the image size to 64" in caught.value.next_step
    assert len(check_start(follow(third, backbone=swin, image_size=64), card, runs)) == 3


def test_a_circle_made_by_hand_ends(runs: Path, chain) -> None:
    first, second, _ = chain[1]
    asked = json.loads((runs / first.id / "spec.json").read_bytes())
    asked["strategy"]["start"] = FromRun(run_id=second.id).model_dump()
    (runs / first.id / "spec.json").write_text(json.dumps(asked))
    with pytest.raises(SpecError, match="starts from itself"):
        ancestry(FromRun(run_id=first.id), runs)


def test_tensors_that_have_no_place_are_named(runs: Path, chain) -> None:
    third = open_run(runs, chain[1][2].id)
    save_file(moved(third) | {"blocks.9.weight": torch.zeros(2)}, third.path / "weights.safetensors")
    with pytest.raises(SpecError, match=r"blocks\.9\.weight has no place"):
        build_from_run(follow(third), DIGITS, runs_dir=runs)


def test_weights_that_changed_under_a_chain_are_never_used(tmp_path: Path) -> None:
    file = tmp_path / "mine.safetensors"
    save_file(build(SMALL, classes=3, start="random", seed=1, image_size=32).module.state_dict(), file)
    first, result = train(tmp_path / "runs", spec_of(Pretrained(), weights=str(file), scope=HeadOnly()))
    network = build_from_run(follow(first), DIGITS, runs_dir=tmp_path / "runs")
    assert f"Your own file {file.name}" in network.provenance["text"]
    save_file(build(SMALL, classes=3, start="random", seed=2, image_size=32).module.state_dict(), file)
    with pytest.raises(WeightsUnavailable, match="have changed since") as caught:
        build_from_run(follow(first), DIGITS, runs_dir=tmp_path / "runs")
    assert result["weights"]["sha256"] in caught.value.message
