"""The catalogue says of every backbone what the built network says."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
import timm

from tlcore.errors import UnknownName
from tlcore.models import facts
from tlcore.models.catalogue import BACKBONES, FACTS_FILE, backbone_card
from tlcore.models.construct import skeleton
from tlcore.models.packages import PACKAGES
from tlcore.models.partition import partition
from tlcore.models.sites import with_counts


def test_no_torch() -> None:
    code = (
        "import sys, tlcore.models.catalogue as c, tlcore.models.packages; c.backbone_card('resnet18'); "
        "assert not {'torch', 'timm', 'streamlit'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize("name", BACKBONES)
def test_a_card_agrees_with_its_network(name: str) -> None:
    card = BACKBONES[name]
    module = skeleton(card, classes=7)
    assert card.groups_with_head(7) == with_counts(partition(module), card.groups).groups
    assert card.params + 7 * (card.head_inputs + 1) == sum(parameter.numel() for parameter in module.parameters())
    assert json.loads(FACTS_FILE.read_text())[name] == json.loads(json.dumps(facts.facts_of(module, card.image_size)))


@pytest.mark.parametrize("name", BACKBONES)
def test_a_hub_source_says_what_timm_says(name: str) -> None:
    card = BACKBONES[name]
    source = card.weights[-1]
    assert source.name == "hub"
    config = timm.get_pretrained_cfg(source.tag)
    assert config is not None
    assert source.tag == f"{name}.{config.tag}"
    assert source.licence.lower() == config.license
    assert (source.preprocessing.mean, source.preprocessing.std) == (config.mean, config.std)
    assert (source.preprocessing.interpolation, source.preprocessing.crop) == (config.interpolation, config.crop_pct)
    assert card.image_size == config.input_size[1]
    assert source.classes == (config.num_classes or None)


def test_sources_are_pinned_and_told() -> None:
    for card in BACKBONES.values():
        assert card.preprocessing == card.weights[0].preprocessing
        assert len({source.name for source in card.weights}) == len(card.weights)
        for source in card.weights:
            assert source.licence in source.text
            assert source.trained_on in source.text
            if source.asset:
                pinned = PACKAGES[source.asset]
                assert source.sha256 in (None, pinned.files[0].digest)
                assert pinned.licence == source.licence
    assert len(BACKBONES) >= 16
    assert set(PACKAGES) == {source.asset for card in BACKBONES.values() for source in card.weights if source.asset}


def test_asking_for_help_measures_nothing(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", ["facts", "--help"])
    monkeypatch.setattr(facts, "write_atomically", None)  # calling it would raise
    with pytest.raises(SystemExit) as ended:
        facts.main()
    assert ended.value.code == 0
    assert "writes facts.json" in capsys.readouterr().out


def test_an_unknown_name_lists_the_right_ones() -> None:
    with pytest.raises(UnknownName, match="Did you mean 'resnet50'") as caught:
        backbone_card("resnet5O")
    assert "tf_efficientnet_lite0" in caught.value.next_step
    with pytest.raises(UnknownName):
        backbone_card("../../etc/passwd")
