"""Models outside the catalogue: looked at once, then known without torch."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from tlcore.errors import SpecError, UnknownName
from tlcore.models.catalogue import backbone_card
from tlcore.models.describe import describe, main
from tlcore.models.described import card_file, read_card
from tlcore.models.network import build


def test_a_described_model_is_known_without_torch() -> None:
    with pytest.raises(UnknownName):
        backbone_card("test_resnet")
    card = describe("test_resnet")
    assert backbone_card("test_resnet") == card
    assert [group.name for group in card.groups] == ["stem", "stage 1", "stage 2", "stage 3", "stage 4"]
    assert card.weights[0].hub_id == "timm/test_resnet.r160_in1k"
    code = "import sys, tlcore.models.catalogue as c; c.backbone_card('test_resnet'); assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)

    network = build("test_resnet", classes=3, start="random", seed=0, image_size=64)
    assert network.groups == card.groups_with_head(3)


def test_an_older_or_broken_note_is_made_anew() -> None:
    card = describe("test_resnet")
    card_file("test_resnet").write_text('{"version": 0, "card": {}}')
    assert read_card("test_resnet") is None
    card_file("test_resnet").write_text("{")
    assert read_card("test_resnet") is None
    assert describe("test_resnet") == card == read_card("test_resnet")


@pytest.mark.parametrize("name", ["../secret", "a/b", "resnet18/", "", ".", "x" * 200, "resnet18\n", "RESNET18", "resnet18.."])
def test_a_name_never_becomes_a_path(name: str) -> None:
    with pytest.raises(ValueError, match="not the name"):
        card_file(name)
    assert read_card(name) is None
    with pytest.raises(UnknownName):
        describe(name)


def test_names_that_timm_knows_are_proposed() -> None:
    with pytest.raises(UnknownName, match="Did you mean 'resnet34'"):
        describe("resnet_34")


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("levit_128", "one linear layer"),
        ("poolformer_s12", "belong together"),
        ("resnet18.nonsense", "Invalid pretrained tag"),
    ],
)
def test_models_that_cannot_be_used_say_why(name: str, reason: str) -> None:
    with pytest.raises(SpecError, match=reason):
        describe(name)


def test_a_size_that_does_not_work_is_refused_before_a_run() -> None:
    assert describe("maxvit_pico_rw_256").sizing == "fixed"
    with pytest.raises(SpecError, match="256 pixels alone"):
        build("maxvit_pico_rw_256", classes=2, start="random", seed=0, image_size=128)
    assert describe("test_vit").image_size_multiple == 16
    with pytest.raises(SpecError, match="multiples of 16"):
        build("test_vit", classes=2, start="random", seed=0, image_size=100)
    with pytest.raises(SpecError, match=r"cannot take images of 32 pixels.*299"):
        build("inception_v3", classes=2, start="random", seed=0, image_size=32)


def test_from_the_command_line(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["describe", "test_resnet"])
    assert main() == 0
    assert json.loads(capsys.readouterr().out)["head_inputs"] == 96
    monkeypatch.setattr(sys, "argv", ["describe", "no_such_net"])
    assert main() == 2
    assert "no backbone named 'no_such_net'" in capsys.readouterr().err
