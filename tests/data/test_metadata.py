"""Columns that a finished run can be split by: what catalogued files and a person's own table tell of pictures."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import hostile
import pytest

from tlcore.data.metadata import metadata
from tlcore.data.sources import listing
from tlcore.data.splits import split


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Eight pictures with a table that says more than labels: a sex for all but one, and a site."""
    monkeypatch.setenv("THAW_CACHE_DIR", str(tmp_path / "cache"))
    folder = tmp_path / "set"
    folder.mkdir()
    lines = ["file,label,Sex,site,"]
    for i in range(8):
        hostile.plain(i).save(folder / f"{i}.png")
        lines.append(f"{i}.png,{'ab'[i % 2]},{'' if i == 3 else 'fm'[i // 4]},{'north'},left over")
    (folder / "labels.csv").write_text("\n".join(lines))
    return folder


def test_further_columns_of_a_table_are_told_by_picture(own: Path) -> None:
    found = metadata(str(own))
    assert found.keys() == {"sex", "site"}
    assert found["sex"] == {**{f"{i}.png": "f" for i in (0, 1, 2)}, **{f"{i}.png": "m" for i in (4, 5, 6, 7)}}
    assert set(found["site"].values()) == {"north"}
    said = " ".join(listing(str(own)).notices)
    assert "'sex', 'site'" in said


def test_a_split_keeps_the_columns(own: Path) -> None:
    whole = listing(str(own))
    assert split(whole).columns == whole.columns


def test_what_tells_nothing_has_no_columns() -> None:
    assert metadata("digits") == {}


@pytest.mark.network
def test_the_diagnosis_of_the_chest_x_rays_is_their_third_class() -> None:
    kinds = metadata("chest-xray")["diagnosis"]
    three = listing("chest-xray-3")
    assert kinds == {item.id: three.classes[item.label] for item in three.items}
    two = {item.id: item.label for item in listing("chest-xray").items}
    assert Counter((kinds[name] == "normal", label) for name, label in two.items()).keys() == {(True, 0), (False, 1)}


@pytest.mark.network
def test_the_cell_types_of_the_solar_cells_are_as_published() -> None:
    assert Counter(metadata("solar-cells")["cell type"].values()) == {"monocrystalline": 1074, "polycrystalline": 1550}
