"""The frozen part at work: each picture once, between processes too, and nothing lost or half written."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from tiny import tiny_network, tiny_split

from tlcore.data.decoded import keys_of
from tlcore.data.transforms import augment, view_of
from tlcore.errors import AssetError, OutOfMemory
from tlcore.groups import HEAD
from tlcore.models.cut import find_cuts
from tlcore.models.prefix import Prefix, prefix_of
from tlcore.progress import silent
from tlcore.training.activations import kept, shelf
from tlcore.training.formats import Format
from tlcore.training.frozen import BATCH, Frozen, from_rows, to_rows
from tlcore.training.machine import choose

SHAPES = {"middle": [4, 8, 8], "top": [6, 4, 4], HEAD: [8]}


@pytest.fixture(autouse=True)
def _own_shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("THAW_CACHE_DIR", str(tmp_path))


def frozen_part(precision: str = "float32", *, fold: bool = True) -> Frozen:
    """Of the tiny network, with every cut."""
    network = tiny_network()
    network.module.eval()
    cuts = find_cuts(network)
    looked_at = torch.randn(3, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    found = Format(precision, {precision: 1e-3}, SHAPES, 0.0)
    return Frozen(
        cuts,
        tuple(SHAPES),
        found,
        network,
        choose("cpu", "float32"),
        "tiny",
        16,
        True,
        lambda groups: prefix_of(cuts, groups, looked_at, fold=fold),
    )


def _keep(frozen: Frozen, pictures: np.ndarray, groups: tuple[str, ...] = (HEAD,), view: int | None = None) -> dict:
    return frozen.keep(pictures, keys_of(pictures), view, groups, silent)


def _all(rows: object) -> torch.Tensor:
    return from_rows(rows.take(np.arange(len(rows))))


def test_the_rows_are_what_the_network_makes_of_each_picture() -> None:
    frozen = frozen_part(fold=False)
    pictures = tiny_split(BATCH + 5, 0).images
    found = _keep(frozen, pictures, tuple(SHAPES))
    module = frozen.network.module
    with torch.inference_mode():
        values = (torch.from_numpy(pictures).permute(0, 3, 1, 2).float() / 255 - 0.5) / 0.25
        low = module.stem(values)
        high = module.top(module.middle(low)).mean((2, 3))
    assert torch.allclose(_all(found["middle"]), low, atol=1e-5)
    assert torch.allclose(_all(found[HEAD]), high, atol=1e-5)
    assert {group: frozen.shape(group) for group in SHAPES} == {"middle": (8, 8, 4), "top": (4, 4, 6), HEAD: (8,)}
    assert _all(found["middle"]).is_contiguous(memory_format=torch.channels_last)
    assert (frozen.passes.needed, frozen.passes.computed) == (37, 37)


def test_what_is_there_is_not_computed_again_and_more_pictures_add_to_it() -> None:
    few, many = tiny_split(20, 0).images, tiny_split(50, 0).images
    both = np.concatenate([few[::-1], many[20:30]])
    first = frozen_part()
    before = _all(_keep(first, few)[HEAD])
    again = frozen_part()
    again.make = None  # type: ignore[assignment] - calling it would raise
    assert torch.equal(_all(_keep(again, few)[HEAD]), before)
    assert (again.passes.needed, again.passes.computed) == (20, 0)
    more = frozen_part()
    rows = _all(_keep(more, both)[HEAD])
    assert torch.equal(rows[:20], before.flip(0))
    assert (more.passes.needed, more.passes.computed) == (30, 10)
    (entry,) = kept()
    assert (entry.images, entry.computed, entry.served) == (30, 30, 40)
    shelf().clear()
    assert torch.equal(_all(_keep(frozen_part(), both)[HEAD]), rows), "whatever it is computed together with"


@pytest.mark.parametrize("fits", [32, 9, 1, 0])
def test_where_memory_runs_out_fewer_pictures_go_through_at_once(monkeypatch: pytest.MonkeyPatch, fits: int) -> None:
    frozen, pictures = frozen_part(), tiny_split(35, 0).images
    expected = frozen.run(pictures[:BATCH])
    call, sizes = Prefix.__call__, []

    def small(prefix: Prefix, images: torch.Tensor) -> tuple[torch.Tensor, ...]:
        if len(images) > fits:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        sizes.append(len(images))
        return call(prefix, images)

    monkeypatch.setattr(Prefix, "__call__", small)
    if not fits:
        with pytest.raises(OutOfMemory, match="Not even the smallest"):
            _keep(frozen, pictures)
        return
    found = _all(_keep(frozen, pictures)[HEAD])
    assert set(sizes) == {{32: 32, 9: 8, 1: 1}[fits]}
    assert torch.allclose(found[:BATCH], from_rows(expected[HEAD]), atol=1e-5)
    assert len(found) == 35


def test_equal_pictures_have_one_row() -> None:
    pictures = tiny_split(4, 0).images[[0, 1, 0, 0, 3]]
    rows = _all(_keep(frozen_part(), pictures)[HEAD])
    assert torch.equal(rows[2], rows[0])
    assert not torch.equal(rows[1], rows[0])
    assert kept()[0].images == 3


def test_one_pass_fills_the_cuts_that_miss_something_and_each_only_what_it_misses() -> None:
    pictures = tiny_split(40, 0).images
    _keep(frozen_part(), pictures[:10], ("middle",))
    frozen = frozen_part()
    found = _keep(frozen, pictures, ("middle", HEAD))
    assert frozen.passes.computed == 40
    assert {entry.cut: entry.computed for entry in kept()} == {"middle": 40, HEAD: 40}
    assert len(list(frozen.entry("middle", None).folder.glob("segment-*"))) == 2
    plain = frozen_part().run(pictures[:32])
    for group, rows in found.items():
        assert np.array_equal(rows.take(np.arange(32)), plain[group])


def test_rows_of_another_version_are_not_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    before = frozen_part().entry(HEAD, None).key
    monkeypatch.setattr("tlcore.__version__", "9.9.9")
    assert frozen_part().entry(HEAD, None).key != before


def test_the_source_of_the_weights_is_told_and_changes_no_row() -> None:
    frozen, pictures = frozen_part(), tiny_split(3, 0).images
    _keep(frozen, pictures)
    (entry,) = kept()
    assert entry.weights == "random"
    frozen.network.provenance["source"] = "/somewhere/own.safetensors"
    same = _keep(frozen, pictures)
    assert (frozen.passes.needed, frozen.passes.computed, len(same)) == (6, 3, 1)
    shelf().clear()
    _keep(frozen, pictures)
    assert kept()[0].weights == "own.safetensors", "where a person keeps it is nobody else's business"


@pytest.mark.parametrize("precision", ["bfloat16", "float16", "float32"])
def test_every_format_comes_back_as_it_was(precision: str) -> None:
    values = torch.randn(3, 5, 4, 4).to(getattr(torch, precision), memory_format=torch.channels_last)
    for activation in (values, values[:, :, 0, 0], values[:, 0]):
        back = from_rows(to_rows(activation))
        assert back.dtype == activation.dtype
        assert torch.equal(back, activation)
    frozen = frozen_part(precision)
    rows = _all(_keep(frozen, tiny_split(3, 0).images, ("top",))["top"])
    assert rows.dtype == getattr(torch, precision)
    (entry,) = kept()
    assert entry.precision == precision
    assert frozen.bytes_of_picture("top") * 3 <= entry.bytes < frozen.bytes_of_picture("top") * 3 + 2000


def test_views_are_entries_of_their_own_and_depend_on_the_picture_alone() -> None:
    pictures = tiny_split(6, 0).images
    frozen = frozen_part()
    views = [_all(_keep(frozen, pictures, view=view)[HEAD]) for view in (None, 0, 1)]
    assert len(kept()) == 3
    assert not any(torch.equal(views[i], views[j]) for i, j in ((0, 1), (0, 2), (1, 2)))
    shelf().clear()
    assert torch.equal(_all(_keep(frozen_part(), pictures[[5, 2]], view=1)[HEAD]), views[2][[5, 2]])
    unmirrored = replace(frozen_part(), flips=False)
    assert unmirrored.entry(HEAD, 1).key != frozen.entry(HEAD, 1).key
    assert unmirrored.entry(HEAD, None).key == frozen.entry(HEAD, None).key


def test_an_entry_in_use_is_never_dropped_by_its_own_run(monkeypatch: pytest.MonkeyPatch) -> None:
    frozen = frozen_part()
    pictures = tiny_split(20, 0).images
    _keep(frozen_part(), tiny_split(20, 9).images, ("middle",))  # of another run
    monkeypatch.setenv("THAW_ACTIVATIONS_GB", str(2 * 20 * frozen.bytes_of_picture("top") / 1e9 + 4e-6))
    first = _keep(frozen, pictures, ("top",), 0)
    second = _keep(frozen, pictures, ("top",), 1)
    assert {entry.view for entry in kept()} == {"augmented 1, mirrored or not", "augmented 2, mirrored or not"}
    _keep(frozen, pictures, ("top",), 2)
    assert len(kept()) == 3, "over the limit rather than computed anew in each epoch"
    assert not torch.equal(_all(first["top"]), _all(second["top"]))


def test_no_room_on_the_disk_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tlcore.shelf.free_bytes", lambda folder: 100)
    with pytest.raises(AssetError, match="activations of the frozen layers take 0 MB and could not be kept") as refused:
        _keep(frozen_part(), tiny_split(20, 0).images)
    assert "cut: off" in refused.value.next_step


def test_a_view_is_drawn_as_augment_draws() -> None:
    """Over many pictures, the mean brightness and the share of mirrored pictures of the two agree."""
    ramp = np.tile(np.linspace(40, 200, 16).astype(np.uint8)[None, :, None], (16, 1, 3))
    pictures = torch.from_numpy(np.repeat(ramp[None], 2000, 0))
    keys = [i.to_bytes(16, "little") for i in range(2000)]
    ours, theirs = view_of(pictures, keys, view=3, flips=True), augment(pictures, seed=0, step=0, flips=True)

    def facts(images: torch.Tensor) -> tuple[float, float, float]:
        values = images.float()
        mirrored = (values[:, :, 0].mean((1, 2)) > values[:, :, -1].mean((1, 2))).float().mean().item()
        return values.mean().item(), values.mean((1, 2, 3)).std().item(), mirrored

    for mine, other, within in zip(facts(ours), facts(theirs), (1.0, 0.5, 0.05), strict=True):
        assert abs(mine - other) < within
    assert not (view_of(pictures[:9], keys[:9], view=0, flips=False).float().mean((1, 2, 3)) == 0).any()
    assert torch.equal(view_of(pictures[5:6], keys[5:6], view=3, flips=True), ours[5:6])


SCRIPT = """
import sys, time
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from tiny import tiny_split
from test_frozen import frozen_part, _keep
from tlcore.training.frozen import Frozen
frozen = frozen_part()
run = Frozen.run
def slow(*arguments):
    Path(sys.argv[2]).touch()
    time.sleep(float(sys.argv[3]))
    return run(*arguments)
Frozen.run = slow
_keep(frozen, tiny_split(70, 0).images)
print(frozen.passes.computed)
"""


def _process(started: Path, seconds: float) -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, "-c", SCRIPT, str(Path(__file__).parent), str(started), str(seconds)],
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
    )


def _await(file: Path) -> None:
    for _ in range(1200):
        if file.exists():
            return
        time.sleep(0.05)
    raise AssertionError("the other process did not start")


@pytest.mark.slow
def test_two_processes_that_want_the_same_compute_it_once(tmp_path: Path) -> None:
    processes = [_process(tmp_path / f"started-{i}", 0.5) for i in range(2)]
    answers = sorted(int(process.communicate(timeout=120)[0]) for process in processes)
    assert answers == [0, 70]
    assert (kept()[0].computed, kept()[0].served) == (70, 70)


@pytest.mark.slow
def test_a_process_killed_while_it_writes_leaves_a_usable_shelf(tmp_path: Path) -> None:
    process = _process(tmp_path / "started", 60.0)
    _await(tmp_path / "started")
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    frozen = frozen_part()
    (leftover,) = frozen.entry(HEAD, None).folder.glob(".segment-*.partial")
    pictures = tiny_split(70, 0).images
    assert frozen.entry(HEAD, None).missing(keys_of(pictures)).size == 70
    long_ago = time.time() - 90000
    os.utime(leftover, (long_ago, long_ago))
    _keep(frozen, pictures)
    assert frozen.passes.computed == 70
    assert not leftover.exists()
