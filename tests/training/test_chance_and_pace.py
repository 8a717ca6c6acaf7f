"""Orders, batches and noise as functions of (seed, epoch) and (seed, step); speed and time left from measured steps."""

from pathlib import Path

import numpy as np
import pytest
import torch

from tlcore.errors import SpecError
from tlcore.training import machine, processor
from tlcore.training.chance import batch_at, noise, order_of, steps_per_epoch
from tlcore.training.pace import Pace


def test_an_epochs_order_is_a_permutation_that_seed_and_epoch_alone_decide():
    assert sorted(order_of(3, 20, 7)) == list(range(20))
    assert (order_of(3, 20, 7) == order_of(3, 20, 7)).all()
    assert (order_of(3, 20, 7) != order_of(4, 20, 7)).any()
    assert (order_of(3, 20, 7) != order_of(3, 20, 8)).any()


@pytest.mark.parametrize(
    ("images", "batch_size", "sizes"),
    [(16, 8, [8, 8]), (17, 8, [8, 9]), (18, 8, [8, 8, 2]), (1, 8, [1]), (5, 8, [5]), (3, 1, [1, 1, 1]), (9, 8, [9])],
)
def test_batches_cover_an_epoch_and_a_last_one_of_one_image_joins(images: int, batch_size: int, sizes: list[int]):
    order = order_of(0, images, 0)
    batches = [batch_at(order, step, batch_size) for step in range(steps_per_epoch(images, batch_size))]
    assert [len(batch) for batch in batches] == sizes
    assert (np.concatenate(batches) == order).all()


def test_noise_belongs_to_its_step_and_leaves_torch_as_it_was():
    cpu = torch.device("cpu")

    def draw(seed: int, step: int) -> list[float]:
        with noise(seed, step, cpu):
            return torch.rand(4).tolist()

    torch.manual_seed(5)
    expected = torch.rand(1)
    torch.manual_seed(5)
    assert draw(1, 2) == draw(1, 2)
    assert draw(1, 2) != draw(1, 3)
    assert draw(1, 2) != draw(2, 2)
    assert torch.equal(torch.rand(1), expected)


def test_time_left_uses_each_phases_own_step_time():
    pace = Pace([1.0, 3.0])
    assert not pace.measured
    pace.step(0, 32, 0.5)
    assert pace.images_per_second == 64
    # Ahead: 10 steps of the phase at .5 s, 4 of the next one at three times that, 64 images at 64 a second.
    assert pace.seconds_left({0: 10, 1: 4}, 64) == pytest.approx(5 + 4 * 1.5 + 1)
    pace.evaluation(100, 0.5)
    pace.step(1, 32, 2.0)
    assert pace.seconds_left({1: 4}, 200) == pytest.approx(8 + 1)


def test_a_slow_first_step_does_not_set_the_time_left():
    pace = Pace([1.0])
    for seconds in (9.0, 1.0, 1.0, 1.0, 1.0):
        pace.step(0, 10, seconds)
    assert pace.seconds_left({0: 7}, 0) == pytest.approx(7)


def test_threads_follow_the_setting_then_the_container(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    assert processor.cpu_threads() == 3
    monkeypatch.delenv("OMP_NUM_THREADS")
    monkeypatch.setattr(processor, "_container_share", lambda: 1)
    assert processor.cpu_threads() == 1
    monkeypatch.undo()
    limits = tmp_path / "cpu.max"
    limits.write_text("150000 100000\n")
    assert processor._container_share(limits) == 2
    limits.write_text("max 100000\n")
    assert processor._container_share(limits) > 1000
    assert processor._container_share(tmp_path / "none") > 1000


def test_the_machine_is_what_was_asked_for_or_a_refusal(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert machine.choose("auto", "auto").precision == "float32"
    assert machine.choose("cpu", "bfloat16").precision == "bfloat16"
    with pytest.raises(SpecError, match="no GPU"):
        machine.choose("cuda", "auto")
    with pytest.raises(SpecError, match="needs a GPU"):
        machine.choose("cpu", "float16")


def test_auto_is_mixed_precision_on_a_gpu(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    for supported, expected in ((True, "bfloat16"), (False, "float16")):
        monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation, supported=supported: supported)
        assert machine.choose("auto", "auto") == machine.Machine(torch.device("cuda"), expected)
    assert machine.choose("cuda", "float32").precision == "float32"
    assert machine.choose("cpu", "auto").device.type == "cpu"


def test_what_makes_a_run_repeatable_is_put_back(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    before = torch.get_num_threads()
    with machine.repeatable(machine.choose("cpu", "auto")):
        assert torch.get_num_threads() == 2
    assert torch.get_num_threads() == before
