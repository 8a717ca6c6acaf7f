"""A person's folder, ZIP, or table of labels: what is listed, what is left out and said, what is refused."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import hostile
import pytest

from tlcore.data import folders, own
from tlcore.data.listing import Listing, digest_of
from tlcore.errors import DataError


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("THAW_CACHE_DIR", str(tmp_path / "cache"))


def counts(listing: Listing) -> dict[str, int]:
    return dict(Counter(listing.classes[item.label] for item in listing.items))


def test_every_hostile_dataset_is_refused_and_every_unusual_one_is_listed(made: dict[str, Path]) -> None:
    datasets = {name: path for name, path in made.items() if "data_" in name and name != "data_only_broken"}
    assert len(datasets) > 20
    for name, path in datasets.items():
        if name.startswith("ok_"):
            assert len(own.listing(path).classes) >= 2
        else:
            with pytest.raises(DataError) as caught:
                own.listing(path)
            assert caught.value.message.endswith(".")
            assert caught.value.next_step
            assert caught.value.exit_code == 2


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("data_missing", "nothing at"),
        ("data_empty", "is empty"),
        ("data_one_class", "one class only"),
        ("data_one_image_per_class", "at least 3 pictures"),
        ("data_two_images_in_a_class", r"this one has fewer: 'b' \(2\)"),
        ("data_no_class_folders", "side by side"),
    ],
)
def test_a_refusal_names_what_is_wrong(made: dict[str, Path], name: str, words: str) -> None:
    with pytest.raises(DataError, match=words):
        own.listing(made[name])


def test_a_plain_folder_is_listed_by_class(made: dict[str, Path]) -> None:
    found = own.listing(made["ok_data_plain"])
    assert counts(found) == {"cats": 12, "dogs": 12}
    assert found.notices == ()
    first = found.items[0]
    assert (first.id, first.label, first.split, first.patient) == ("cats/000.png", 0, None, None)
    assert first.file is not None
    assert first.digest == digest_of(first.file)
    assert first.read().size == (24, 24)


def test_class_names_stay_text_to_the_letter(made: dict[str, Path]) -> None:
    assert set(own.listing(made["ok_data_html_class"]).classes) == set(hostile.HARD_CLASSES)


def test_split_folders_are_believed(made: dict[str, Path]) -> None:
    found = own.listing(made["ok_data_splits"])
    assert Counter(item.split for item in found.items) == {"train": 24, "val": 8, "test": 8}
    assert found.classes == ("a", "b")
    assert "says the split itself" in found.notices[0]


def test_what_systems_leave_and_what_leads_out_is_left_out_and_said(made: dict[str, Path]) -> None:
    found = own.listing(made["ok_data_messy"])
    assert counts(found) == {"a": 13, "b": 12}  # 13: one lies in a nested folder
    assert "a/series 2/deep.png" in {item.id for item in found.items}
    assert any("links" in notice and "(5)" in notice for notice in found.notices)
    assert any("not pictures (1)" in notice for notice in found.notices)


def test_a_link_to_a_picture_inside_the_folder_is_read(tmp_path: Path) -> None:
    root = hostile.class_folders(tmp_path / "set", {"a": 3, "b": 3})
    (root / "b" / "again.png").symlink_to(root / "a" / "000.png")
    assert counts(own.listing(root)) == {"a": 3, "b": 4}


def test_a_folder_around_the_folder_is_stepped_into(tmp_path: Path) -> None:
    hostile.class_folders(tmp_path / "x" / "y" / "set", {"a": 3, "b": 3})
    assert own.listing(tmp_path / "x").classes == ("a", "b")


def test_a_zip_lists_like_its_folder(made: dict[str, Path]) -> None:
    found = own.listing(made["ok_data_zip"])
    assert counts(found) == {"a": 12, "b": 12}
    assert found.items[0].id == "set/a/0.png"


def test_a_class_name_without_end_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="121 characters"):
        own.listing(hostile.class_folders(tmp_path / "set", {"n" * 121: 3, "b": 3}))


def test_folders_without_end_are_left_out(tmp_path: Path) -> None:
    root = hostile.class_folders(tmp_path / "set", {"a": 3, "b": 3})
    deep = root.joinpath("a", *["d"] * folders.MAX_DEPTH)
    deep.mkdir(parents=True)
    hostile.plain(1).save(deep / "x.png")
    assert counts(own.listing(root)) == {"a": 3, "b": 3}


def test_a_name_that_is_not_utf8_becomes_text_that_can_be_stored(tmp_path: Path) -> None:
    root = hostile.class_folders(tmp_path / "set", {"a": 3, "b\udcff": 3})
    assert own.listing(root).classes == ("a", "b�")


# --- a CSV of labels


def flat(folder: Path, names: int = 8) -> Path:
    folder.mkdir()
    for i in range(names):
        hostile.plain(i).save(folder / f"{i}.png")
    return folder


def table(folder: Path, text: str | bytes, name: str = "labels.csv") -> Path:
    content = text.encode() if isinstance(text, str) else text
    (folder / name).write_bytes(content)
    return folder / name


ROWS = [f"{i}.png,{'yes' if i % 2 else 'no'},p{i // 2}" for i in range(8)]


def test_a_table_gives_labels_and_patients(tmp_path: Path) -> None:
    root = flat(tmp_path / "flat")
    found = own.listing(root, labels=table(tmp_path, "file,label,patient\n" + "\n".join(ROWS)))
    assert found.classes == ("no", "yes")
    assert [(item.id, item.label, item.patient) for item in found.items[:3]] == [
        ("0.png", 0, "p0"),
        ("1.png", 1, "p0"),
        ("2.png", 0, "p1"),
    ]


@pytest.mark.parametrize(
    "content",
    [
        ("\ufeffFile;Label;Patient\r\n" + "\r\n".join(row.replace(",", ";") for row in ROWS)).encode(),
        ("file\tlabel\n" + "\n".join(row.rsplit(",", 1)[0].replace(",", "\t") for row in ROWS)).encode(),
        ("file,label\n" + "\n".join(row.rsplit(",", 1)[0] for row in ROWS)).encode("utf-16"),
        ("label , file\n\n" + "\n".join(",".join(row.split(",")[1::-1]) for row in ROWS) + "\n,\n").encode(),
    ],
    ids=["bom and semicolons", "tabs", "utf-16", "other order, spaces, empty lines"],
)
def test_tables_as_spreadsheets_write_them(tmp_path: Path, content: bytes) -> None:
    found = own.listing(flat(tmp_path / "flat"), labels=table(tmp_path, content))
    assert counts(found) == {"no": 4, "yes": 4}


def test_a_table_inside_the_folder_or_zip_is_found(tmp_path: Path) -> None:
    root = flat(tmp_path / "flat")
    text = "file,label\n" + "\n".join(row.rsplit(",", 1)[0] for row in ROWS)
    table(root, text)
    assert counts(own.listing(root)) == {"no": 4, "yes": 4}
    assert "labels.csv" in own.listing(root).notices[0]
    entries = {f"flat/{path.name}": path.read_bytes() for path in root.iterdir()}
    assert counts(own.listing(hostile.zip_of(tmp_path / "flat.zip", entries))) == {"no": 4, "yes": 4}


def test_what_a_table_and_a_folder_do_not_share_is_said(tmp_path: Path) -> None:
    lines = ["file,label,age", *(row.replace(",p", ",4") for row in ROWS[:6]), "gone.png,yes,1", "0.png,no,1", "7.png,,1"]
    found = own.listing(flat(tmp_path / "flat"), labels=table(tmp_path, "\n".join(lines)))
    assert counts(found) == {"no": 3, "yes": 3}
    said = " ".join(found.notices)
    for words in ("'age'", "'gone.png'", "(2): '6.png', '7.png'", "without a file or a label (1)", "same label (1)"):
        assert words in said


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "lacks the column file and label; its first line is empty"),
        ("name,label\na,b", "lacks the column file; its first line is 'name', 'label'"),
        ("file,label,label\na,b,c", "names a column twice"),
        ("file,label\n", "no line with a file and a label"),
        ("file,label\n0.png,a\n0.png,b", "two labels, 'a' and 'b'"),
        ("file,label\n../0.png,a", "not a name inside the folder"),
        ("file,label\n/etc/passwd,a", "not a name inside the folder"),
        ("file,label\nx.png,a\ny.png,b", "None of the 2 files"),
        ("file,label\n0.png,a\n1.png,a\n2.png,a", "one class only"),
        ('file,label\n"0.png,a', "no sound CSV"),
        (b"PK\x03\x04\0\0\0\0\0\0\0\0", "not a CSV"),
    ],
)
def test_a_table_that_cannot_be_used_is_refused(tmp_path: Path, text: str | bytes, words: str) -> None:
    with pytest.raises(DataError, match=words):
        own.listing(flat(tmp_path / "flat"), labels=table(tmp_path, text))


def test_a_table_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no CSV of labels"):
        own.listing(flat(tmp_path / "flat"), labels=Path("nowhere.csv"))
