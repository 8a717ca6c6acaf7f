"""Tables to take away: whole, and nothing in them is reckoned by a spreadsheet."""

import csv
import io

import pytest

from pages.parts.as_csv import as_csv, inert


def test_rows_come_back_as_they_were() -> None:
    rows = [{"class": "a, b", "share": 0.25}, {"class": 'c "d"', "share": -1}]
    read = list(csv.DictReader(io.StringIO(as_csv(rows))))
    assert read == [{"class": "a, b", "share": "0.25"}, {"class": 'c "d"', "share": "-1"}]
    assert as_csv([]).strip() == ""


@pytest.mark.parametrize("name", ["=HYPERLINK(1)", "+1", "-1", "@sum", "\tx", "\rx"])
def test_what_a_person_named_is_no_formula(name: str) -> None:
    assert inert(name) == f"'{name}"
    read = list(csv.reader(io.StringIO(as_csv([{name: name}]))))
    assert read == [[f"'{name}"], [f"'{name}"]]


def test_numbers_stay_numbers() -> None:
    assert (inert(-0.5), inert(None), inert("cat")) == (-0.5, None, "cat")
