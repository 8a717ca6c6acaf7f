"""The picture of a dataset's balance, and the sentence under it."""

from __future__ import annotations

from tlcore.figures.data import balance_reading, class_balance

UNEVEN = {"train": {"red": 80, "yellow": 4, "green": 40}, "test": {"red": 20, "yellow": 1, "green": 15}}


def test_uneven_classes_are_told_with_numbers():
    assert balance_reading(["red", "yellow", "green"], UNEVEN) == (
        "The classes are uneven: red has 100 images, 20.0 times as many as yellow (5). "
        "Always naming red would be right for 62.5 % of them: look at balanced accuracy, not at accuracy alone."
    )


def test_even_classes_are_told_too():
    assert balance_reading(["cat", "dog"], {"train": {"cat": 60, "dog": 40}}) == (
        "The classes are about even: cat has 60 images, dog 40. Always naming cat would be right for 60.0 % of them."
    )


def test_equal_classes_are_called_even():
    assert balance_reading(["cat", "dog"], {"train": {"cat": 20, "dog": 20}}) == (
        "The classes are even: 20 images each, so always naming one is right for 50.0 %."
    )


def test_a_class_without_images_is_no_division_by_zero():
    assert "and b none (0)" in balance_reading(["a", "b"], {"train": {"a": 3, "b": 0}})
    assert balance_reading(["a"], {"train": {"a": 0}}) == "There are no images."


def test_bars_hold_the_counts_and_names_are_only_text():
    name = "<a href='//evil.example'>x</a>"
    figure, _ = class_balance(["red", name], {"train": {"red": 3, name: 2}, "val": {"red": 1, name: 0}})
    assert [list(bar.x) for bar in figure.data] == [[3, 2], [1, 0]]
    assert [bar.name for bar in figure.data] == ["training", "validation"]
    assert "<" not in "".join(figure.layout.yaxis.ticktext)
