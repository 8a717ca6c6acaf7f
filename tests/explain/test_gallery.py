"""The galleries, on answers where each place can be worked out by hand."""

import numpy as np
import pytest

from tlcore.errors import SpecError, UnknownName
from tlcore.explain.gallery import SENTENCES, TITLES, eligible, galleries

#                           0            1           2            3           4           5
ANSWERS = np.array([[0.90, 0.10], [0.55, 0.45], [0.99, 0.01], [0.20, 0.80], [0.30, 0.70], [0.05, 0.95]])
LABELS = np.array([0, 0, 1, 1, 0, 1])
BEFORE = np.array([[0.60, 0.40], [0.10, 0.90], [0.40, 0.60], [0.20, 0.80], [0.70, 0.30], [0.40, 0.60]])


def test_each_gallery_has_what_it_says_in_order():
    found = galleries(ANSWERS, LABELS, each=6, before=BEFORE)
    assert found["right"].tolist() == [5, 0, 3, 1]  # the surest of each class, then the second of each
    assert found["wrong"].tolist() == [2, 4]
    assert found["unsure"].tolist() == [1, 4, 3, 0, 5, 2]
    assert found["changed"].tolist() == [2, 1, 4]  # by how much the answer that is given now rose: .59, .45, .40
    assert found.keys() == TITLES.keys() == SENTENCES.keys()


def test_no_more_than_asked_for_and_nothing_changed_without_a_before():
    found = galleries(ANSWERS, LABELS, each=2)
    assert {name: len(rows) for name, rows in found.items()} == {"right": 2, "wrong": 2, "unsure": 2}


def test_a_network_without_a_fault_has_no_wrong_ones():
    sure = np.eye(2)[LABELS]
    found = galleries(sure, LABELS, each=3, before=sure)
    assert not len(found["wrong"])
    assert not len(found["changed"])
    assert found["unsure"].tolist() == [0, 1, 2]  # all alike: in the split's own order


def test_what_is_meant_is_any_of_a_column_and_one_of_each() -> None:
    labels, ids = np.array([0, 1, 1, 0]), ("a", "b", "c", "d")
    columns = {"sex": {"a": "F", "b": "F", "c": "M"}}

    def left(*only: str) -> list[int]:
        return eligible(only, labels, ids, classes=("cat", "dog"), columns=columns).tolist()

    assert left() == [0, 1, 2, 3]
    assert left("class=cat") == [0, 3]
    assert left("class=cat", "class=dog", "sex=F") == [0, 1]
    assert left("sex=M", "sex=F") == [0, 1, 2]  # of the fourth it is not told
    with pytest.raises(SpecError, match="No image is class=cat and sex=M"):
        left("class=cat", "sex=M")
    with pytest.raises(UnknownName, match="sex"):
        left("sex=X")
