"""Splits: no patient is parted, every class is shared out, chance is seeded."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest
from PIL import Image

from tlcore.data.listing import Item, Listing
from tlcore.data.splits import groups, split, subsample
from tlcore.errors import DataError

CLASSES = ("cat", "dog")


def item(name: str, label: int = 0, **facts: str) -> Item:
    return Item(id=name, read=lambda: Image.new("RGB", (1, 1)), label=label, **({"digest": name} | facts))


def many(count: int, label: int, **facts: str) -> list[Item]:
    return [item(f"{CLASSES[label]}/{i:04d}", label, **facts) for i in range(count)]


def listing(*items: Item, classes: tuple[str, ...] = CLASSES) -> Listing:
    return Listing(items, classes)


def counts(found: Listing) -> dict[tuple[str | None, int], int]:
    return dict(Counter((item.split, item.label) for item in found.items))


def test_each_class_is_shared_out_70_15_15() -> None:
    found = split(listing(*many(100, 0), *many(40, 1)))
    assert counts(found) == {
        ("train", 0): 70,
        ("val", 0): 15,
        ("test", 0): 15,
        ("train", 1): 28,
        ("val", 1): 6,
        ("test", 1): 6,
    }
    assert found.notices == ()


def test_shares_are_those_asked_for() -> None:
    found = split(listing(*many(50, 0), *many(50, 1)), shares={"train": 0.5, "val": 0.1, "test": 0.4})
    assert counts(found)["test", 1] == 20
    assert counts(found)["val", 0] == 5


def test_the_order_given_and_other_pictures_change_nothing() -> None:
    items = [*many(60, 0), *many(60, 1)]
    assert split(listing(*items)).items == split(listing(*reversed(items))).items


def test_a_patient_is_never_parted_even_through_a_chain() -> None:
    cats = [replace(one, patient=f"p{i // 4}") for i, one in enumerate(many(80, 0))]
    dogs = [replace(one, patient=f"q{i // 3}") for i, one in enumerate(many(60, 1))]
    dogs[0] = replace(dogs[0], patient="p0")  # a patient with both labels
    cats[5] = replace(cats[5], digest=cats[79].digest)  # two patients share a picture: p1 and p19 become one
    found = split(listing(*cats, *dogs))
    places: dict[str, set[str | None]] = {}
    for one in found.items:
        places.setdefault(str(one.patient), set()).add(one.split)
    assert all(len(found) == 1 for found in places.values())
    assert places["p1"] == places["p19"]
    sizes = Counter(one.split for one in found.items)
    assert abs(sizes["train"] - 98) <= 6
    assert abs(sizes["test"] - 21) <= 6


def test_groups_by_hand() -> None:
    items = [item("a", patient="1"), item("b"), item("c", patient="1"), item("d", digest="b"), item("e", patient="2")]
    assert [[one.id for one in group] for group in groups(items)] == [["a", "c"], ["b", "d"], ["e"]]


def test_three_pictures_of_a_class_go_one_to_each_split() -> None:
    assert counts(split(listing(*many(3, 0), *many(3, 1)))) == {
        (name, label): 1 for name in ("train", "val", "test") for label in (0, 1)
    }


def test_of_equal_pictures_one_is_kept_and_the_patients_stay_together() -> None:
    cats = [replace(one, patient=f"p{i}") for i, one in enumerate(many(30, 0))]
    cats += [item("cat/twin of 0", 0, digest=cats[0].digest, patient="p1")]  # p0 and p1 are one
    found = split(listing(*cats, *many(30, 1)), merge_duplicates=True)
    assert len(found.items) == 60
    assert "Left out 1 exact duplicates." in found.notices
    place = {one.id: one.split for one in found.items}
    assert place["cat/0000"] == place["cat/0001"]


def test_equal_pictures_with_different_labels_are_kept_but_not_parted() -> None:
    twin = item("dog/twin", 1, digest="cat/0000")
    found = split(listing(*many(30, 0), *many(30, 1), twin), merge_duplicates=True)
    assert len(found.items) == 61
    assert len({one.split for one in found.items if one.digest == "cat/0000"}) == 1


def test_marks_are_kept_and_a_missing_val_comes_out_of_train() -> None:
    cats = [replace(one, split="test" if i < 10 else "train") for i, one in enumerate(many(50, 0))]
    dogs = [replace(one, split="test" if i < 10 else "train") for i, one in enumerate(many(50, 1))]
    found = split(listing(*cats, *dogs), shares={"train": 0.85, "val": 0.15})
    assert {one.id for one in found.items if one.split == "test"} == {one.id for one in (*cats[:10], *dogs[:10])}
    assert counts(found)["val", 0] == 6  # 15 % of 40
    assert any("No val pictures are marked" in notice for notice in found.notices)


def test_marks_that_part_a_patient_are_kept_and_named() -> None:
    cats = [
        replace(one, split=("train", "val", "test")[i % 3], patient="same" if i < 2 else None)
        for i, one in enumerate(many(9, 0))
    ]
    dogs = [replace(one, split=("train", "val", "test")[i % 3]) for i, one in enumerate(many(9, 1))]
    dogs[4] = replace(dogs[4], digest=dogs[3].digest)
    found = split(listing(*cats, *dogs))
    assert [one.split for one in found.items] == [one.split for one in (*cats, *dogs)]
    assert any(notice.startswith("1 pictures are in more than one") for notice in found.notices)
    assert any(notice.startswith("1 patients are in more than one") for notice in found.notices)


def test_marks_can_be_distrusted() -> None:
    items = [replace(one, split="test") for one in (*many(20, 0), *many(20, 1))]
    assert counts(split(listing(*items), keep_marks=False))["train", 0] == 14


@pytest.mark.parametrize(
    ("items", "classes", "says"),
    [
        ([], CLASSES, "no pictures"),
        (many(10, 0), ("cat",), "only one class here \\('cat'\\)"),
        (many(10, 0), CLASSES, "No picture belongs to 'dog'"),
        ([*many(10, 0), *many(1, 1)], CLASSES, "'dog' has 1 independent picture .* at least 3"),
        ([*many(10, 0), *many(8, 1, patient="one")], CLASSES, "'dog' has 1 independent"),
        ([*many(10, 0), *many(8, 1, digest="one")], CLASSES, "'dog' has 1 independent"),
        ([replace(one, split="test") for one in (*many(9, 0), *many(9, 1))], CLASSES, "no training pictures"),
    ],
    ids=["empty", "one class", "empty class", "one image", "one patient", "one picture over and over", "no train"],
)
def test_what_cannot_be_split_says_why(items: list[Item], classes: tuple[str, ...], says: str) -> None:
    with pytest.raises(DataError, match=says) as caught:
        split(listing(*items, classes=classes))
    assert caught.value.next_step


def test_subsamples_are_nested_balanced_and_drawn_by_the_seed() -> None:
    items = [*many(300, 0), *many(50, 1)]
    few, more, all_of = (subsample(items, count, seed=3) for count in (20, 100, 1000))
    assert Counter(one.label for one in few) == {0: 20, 1: 20}
    assert Counter(one.label for one in more) == {0: 100, 1: 50}
    assert {one.id for one in few} < {one.id for one in more}
    assert all_of == tuple(items)
    assert [one.id for one in more] == sorted(one.id for one in more)
    assert subsample(items, 20, seed=3) == few
    assert subsample(items, 20, seed=4) != few
