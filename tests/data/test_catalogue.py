"""The catalogue of datasets, and the real counts of those that are fetched."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from tlcore.data.catalogue import DATASETS, dataset_card
from tlcore.data.listing import SPLITS
from tlcore.data.sources import listing, split_listing, xray_patient
from tlcore.errors import DataError, UnknownName


@pytest.mark.parametrize("name", DATASETS)
def test_every_card_says_what_a_person_must_know(name: str) -> None:
    card = DATASETS[name]
    assert card.name == name
    for text in (card.title, card.sentence, card.licence, card.attribution, card.size, card.split_rule):
        assert text
        assert text == text.strip()
    assert card.sentence.endswith(".")
    assert all(warning.endswith(".") for warning in (*card.warnings, *([card.refusal] if card.refusal else [])))
    assert len(set(card.classes)) == len(card.classes)
    assert (card.task == "binary") == (len(card.classes) == 2)
    assert card.labelled == (name != "natural-photos")
    if card.refusal:
        assert name in ("natural-photos", "chestmnist")
    else:
        assert card.images is not None
        assert set(card.images) == set(SPLITS)
        assert len(card.classes) >= 2


def test_the_catalogue_is_complete() -> None:
    assert {"chest-xray", "chest-xray-3", "traffic-lights", "solar-cells", "digits", "cifar10"} <= set(DATASETS)
    assert {"fashion-mnist", "natural-photos"} <= set(DATASETS)
    assert sum(name.endswith("mnist") and "fashion" not in name for name in DATASETS) == 12


def test_nothing_is_mirrored_that_has_a_side() -> None:
    for name in ("chest-xray", "chest-xray-3", "digits", "pneumoniamnist", "chestmnist", "organamnist"):
        assert not DATASETS[name].flips


def test_a_persons_own_folder_gets_a_card(tmp_path: Path) -> None:
    (tmp_path / "my pictures").mkdir()
    card = dataset_card(str(tmp_path / "my pictures"))
    assert card.title == "my pictures"
    assert card.classes == ()
    assert not card.flips


@pytest.mark.parametrize("name", ["/no/such/folder", "pictures.zip", "~nobody-here/x", "a\0b/c", "x/" + "y" * 5000])
def test_a_path_with_nothing_there(name: str) -> None:
    with pytest.raises(DataError, match="nothing at"):
        dataset_card(name)


def test_a_wrong_name_lists_the_right_ones() -> None:
    with pytest.raises(UnknownName, match="Did you mean 'chest-xray'") as caught:
        dataset_card("chest-xrays")
    assert "digits" in caught.value.next_step
    with pytest.raises(UnknownName):
        dataset_card("")


@pytest.mark.parametrize(
    ("path", "patient"),
    [
        ("train/PNEUMONIA/person874_bacteria_2797.jpeg", "person874"),
        ("test/PNEUMONIA/person874_virus_1.jpeg", "person874"),
        ("train/NORMAL/IM-0622-0001-0002.jpeg", "IM-0622"),
        ("train/NORMAL/NORMAL2-IM-0622-0001.jpeg", "NORMAL2-IM-0622"),
    ],
)
def test_the_patient_in_a_file_name(path: str, patient: str) -> None:
    assert xray_patient(path) == patient


def test_digits_need_no_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("THAW_CACHE_DIR", str(tmp_path))
    monkeypatch.setenv("THAW_OFFLINE", "1")
    assert split_counts("digits") == dict(DATASETS["digits"].images or {})


def split_counts(name: str) -> dict[str, int]:
    found = split_listing(DATASETS[name], listing(name))
    return dict(Counter(str(item.split) for item in found.items))


@pytest.mark.network
@pytest.mark.parametrize("name", ["chest-xray", "traffic-lights"])
def test_the_real_counts(name: str) -> None:
    assert split_counts(name) == dict(DATASETS[name].images or {})


@pytest.mark.network
def test_the_real_x_rays_by_class_patient_and_picture() -> None:
    two, three = (split_listing(DATASETS[name], listing(name)).items for name in ("chest-xray", "chest-xray-3"))
    assert Counter(item.label for item in two) == {0: 1579, 1: 1578}
    assert Counter(item.label for item in three) == {0: 1579, 1: 1045, 2: 533}
    assert [(item.id, item.split) for item in two] == [(item.id, item.split) for item in three]
    for key in ("patient", "digest"):
        places = {(getattr(item, key), item.split) for item in two}
        assert len(places) == len({getattr(item, key) for item in two}), f"a {key} is in two splits"
    assert len({item.digest for item in two}) == len(two)
    assert 600 <= sum(item.split == "test" for item in two) <= 650
    assert 0.10 <= sum(item.split == "val" for item in two) / len(two) <= 0.15
    assert two[0].read().size == (224, 224)


@pytest.mark.network
def test_the_real_traffic_lights_by_class() -> None:
    assert Counter(item.label for item in listing("traffic-lights").items) == {0: 904, 1: 44, 2: 536}
