"""What is measured once on a machine, and what once for these weights and pictures."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from tiny import Training, routing_of, tiny_network, tiny_split

from tlcore.groups import HEAD
from tlcore.models.cut import find_cuts
from tlcore.models.prefix import Prefix, prefix_of
from tlcore.training import formats
from tlcore.training.formats import Format, choose_format
from tlcore.training.machine import choose

RECIPE = {"backbone": "tiny"}
PICTURES = torch.randn(4, 3, 16, 16, generator=torch.Generator().manual_seed(0))


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("THAW_CACHE_DIR", str(tmp_path))


def _make() -> Prefix:
    network = tiny_network()
    network.module.eval()
    return prefix_of(find_cuts(network), (HEAD,), PICTURES)


def _refused(*_: object) -> None:
    raise AssertionError("measured again")


def _choose(error: object = None, seen: dict | None = None, make: object = _make) -> tuple[Format, Prefix | None]:
    machine = choose("cpu", "float32")
    return choose_format(make, lambda: PICTURES, machine, RECIPE, error, seen or {}, only_float32=False)


@pytest.mark.parametrize(("slow", "chosen"), [(1.2, "bfloat16"), (1.05, "float32"), (0.5, "float32")])
def test_a_lower_format_must_be_a_tenth_faster(monkeypatch: pytest.MonkeyPatch, slow: float, chosen: str) -> None:
    monkeypatch.setattr(formats, "faster_formats", lambda machine: ["bfloat16"])
    monkeypatch.setattr(formats, "_interleaved", lambda timers: {"float32": slow, "bfloat16": 1.0})
    found, prefix = _choose(lambda prefix: 0.25 if prefix.precision == chosen else 9.0)
    assert (found.precision, found.error, found.shapes) == (chosen, 0.25, {HEAD: [8]})
    assert found.seconds == {"float32": slow / 4, "bfloat16": 0.25}
    assert prefix.precision == chosen


def test_the_speed_is_measured_once_and_the_error_once_for_each_weights_and_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    first, made = _choose(lambda prefix: 0.1, {"weights": "a"})
    assert (first.error, made is None) == (0.1, False)
    monkeypatch.setattr(formats, "_timed", _refused)
    again, made = _choose(_refused, {"weights": "a"}, make=_refused)
    assert (again, made) == (first, None)
    other, made = _choose(lambda prefix: 0.2, {"weights": "b"})
    assert (other, made is None) == (replace(first, error=0.2), False)
    assert _choose(None, make=_refused)[0] == replace(first, error=None)


def test_a_format_that_overflows_with_these_weights_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(formats, "faster_formats", lambda machine: ["bfloat16"])
    monkeypatch.setattr(formats, "_interleaved", lambda timers: {"float32": 2.0, "bfloat16": 1.0})
    found, prefix = _choose(lambda prefix: float("nan") if prefix.precision == "bfloat16" else 1e-6, {"weights": "large"})
    assert (found.precision, found.error, prefix.precision) == ("float32", 1e-6, "float32")
    assert _choose(_refused, {"weights": "large"}, make=_refused)[0] == found
    assert _choose(lambda prefix: 0.1, {"weights": "small"})[0].precision == "bfloat16"
    assert _choose(lambda prefix: float("inf"), {"weights": "broken"})[0].error is None


def test_a_kept_answer_that_cannot_be_read_is_measured_again(tmp_path: Path) -> None:
    first, _ = _choose(lambda prefix: 0.1)
    for content in ("{}", "", "[1]", '{"precision": 1'):
        for file in (tmp_path / "formats").iterdir():
            file.write_text(content)
        found, _ = _choose(lambda prefix: 0.1)
        assert (found.shapes, found.error) == (first.shapes, 0.1)


def test_the_error_is_of_this_run_s_weights_and_pictures(training, monkeypatch: pytest.MonkeyPatch) -> None:
    def error(training: Training, **asked: object) -> float | None:
        return routing_of(training, **asked).measured.error

    seen = []
    monkeypatch.setattr("tlcore.training.routing.prefix_of", lambda *a: seen.append(a) or prefix_of(*a))
    first = error(training("linear-probe"))
    assert 0 < first < 1e-4
    made = len(seen)
    assert (error(training("linear-probe")), len(seen)) == (first, made), "kept"
    pictures = training("linear-probe", train=tiny_split(37, 9))
    pretrained, look = training("linear-probe"), training("linear-probe")
    pretrained.state.network.provenance["sha256"] = "0" * 64
    look.state.network.preprocessing = replace(look.state.network.preprocessing, mean=(0.4, 0.4, 0.4))
    for other in (pictures, pretrained, look, training("linear-probe", seed=4)):
        before = len(seen)
        assert error(other) is not None
        assert len(seen) == before + 1
    assert error(pictures) != first
    assert error(training("linear-probe"), judged=False) is None


def test_the_prefix_that_was_measured_is_the_one_that_is_used(training, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []
    monkeypatch.setattr("tlcore.training.routing.prefix_of", lambda *a: seen.append(a) or prefix_of(*a))
    frozen = routing_of(training("linear-probe")).frozen
    rows = frozen.run(np.array(tiny_split(3, 1).images))
    assert (len(seen), rows[HEAD].shape) == (1, (3, 8))


@pytest.mark.parametrize("names", [("float32",), ("float32", "bfloat16")])
def test_no_single_pass_decides_what_a_picture_costs(names: tuple[str, ...]) -> None:
    """The first round does not count, and of the other three the middle one does, for one format as for two."""
    left = {name: iter((1.0, 0.3, 0.1, 0.2)) for name in names}
    assert formats._interleaved({name: left[name].__next__ for name in names}) == dict.fromkeys(names, 0.2)
