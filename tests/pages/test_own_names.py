"""A person's own data go by the name they gave, on every page and in every link; a link never leads out of reach."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from pages.parts.own_names import from_link, keep_name, own_name, to_link
from tlcore.data.uploads import store
from tlcore.errors import DataError
from tlcore.files import Lock
from tlcore.runs import Status, create
from tlcore.spec import CheckSpec, RunSpec

FRAME = Path(__file__).parents[2] / "pages" / "frame.py"


@pytest.fixture
def upload(runs: Path) -> Path:
    """A ZIP as the Data page keeps one."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for name in ("spots/1.png", "stripes/1.png"):
            picture = io.BytesIO()
            Image.new("RGB", (32, 32)).save(picture, "PNG")
            archive.writestr(name, picture.getvalue())
    path = store("garden leaves.zip", content.getvalue())
    keep_name(path, "garden  leaves.zip")
    return path


def page(name: str, **query: str) -> AppTest:
    app = AppTest.from_file(str(FRAME), default_timeout=60).run()
    app.switch_page(name)
    for key, value in query.items():
        app.query_params[key] = value
    return app.run()


def said(app: AppTest) -> str:
    assert not app.exception
    shown = [*app.markdown, *app.caption, *app.error, *app.warning, *app.title]
    return "\n".join(str(element.value) for element in shown).replace("\\", "")


def looked_at(upload: Path) -> None:
    counts = {"train": {"spots": 20, "stripes": 22}, "val": {"spots": 4, "stripes": 4}, "test": {"spots": 6, "stripes": 4}}
    result = {"classes": ["spots", "stripes"], "counts": counts, "samples": [], "findings": [], "notices": []}
    result |= {"patients": None, "image_sizes": None, "split_rule": "", "warnings": [], "digest": "0"}
    run = create(Path(upload).parents[2] / "runs", CheckSpec(dataset=str(upload)))
    run.write_result(result)
    run.write_status(Status("done", queued_at=1.0, started_at=2.0, ended_at=3.0))


def test_an_upload_has_its_files_name_and_a_link_without_a_path(upload):
    assert own_name(str(upload)) == "garden leaves.zip"
    link = to_link(str(upload))
    assert link == f"upload-{upload.stem[:16]}"
    assert from_link(link) == str(upload)


def test_an_upload_whose_name_is_not_known_is_a_number(upload):
    upload.with_suffix(".name").unlink()
    assert own_name(str(upload)) == f"uploaded ZIP {upload.stem[:6]}"


def test_a_folder_is_linked_as_seen_from_its_data_root(runs, tmp_path, monkeypatch):
    inside = tmp_path / "scans" / "knees"
    inside.mkdir(parents=True)
    monkeypatch.setenv("THAW_DATA_ROOTS", str(tmp_path / "scans"))
    assert to_link(str(inside)) == "own/scans/knees"
    assert to_link(str(inside.parent)) == "own/scans"
    assert from_link("own/scans/knees") == str(inside)
    assert own_name(str(inside)) == "knees"


@pytest.mark.parametrize(
    "link", ["upload-0000000000000000", "own/scans/../../etc", "own//etc", "own/elsewhere", "own/scans/none", "own/"]
)
def test_a_link_to_what_is_not_there_is_refused(upload, tmp_path, monkeypatch, link):
    (tmp_path / "scans").mkdir()
    monkeypatch.setenv("THAW_DATA_ROOTS", str(tmp_path / "scans"))
    with pytest.raises(DataError, match="link is not"):
        from_link(link)
    assert "link is not" in said(page("data.py", dataset=link))
    assert "link is not" in said(page("train.py", dataset=link))


@pytest.mark.parametrize("text", ["digits", "upload-../../etc/passwd", "upload-00", "/etc/passwd"])
def test_what_is_no_own_link_stays_as_it_is(runs, text):
    assert from_link(text) == text


def test_every_page_says_the_given_name_and_no_link_says_the_path(upload):
    looked_at(upload)
    create(Path(upload).parents[2] / "runs", RunSpec(dataset=str(upload), strategy="last-group"))
    link = to_link(str(upload))
    for name, query in (("data.py", {"dataset": link}), ("train.py", {"dataset": link}), ("runs.py", {}), ("start.py", {})):
        app = page(name, **query)
        shown = said(app) + "".join(str(box.options) for box in app.selectbox)
        shown += links(app).replace("\\", "")
        shown += "".join(frame.value.to_csv() for frame in app.dataframe).replace(upload.stem[:24] + "-", "")  # the run's id
        assert "garden leaves.zip" in shown
        assert upload.stem not in shown
        assert str(upload.parent) not in shown


def test_what_a_look_counted_is_known_on_every_page(upload):
    looked_at(upload)
    link = to_link(str(upload))
    for app in (page("data.py", dataset=link), page("train.py", dataset=link)):
        text = said(app)
        assert "60 images at the last look: 42 to train, 8 to val, 10 to test." in text.replace("test\n", "test.\n")
        assert "known" not in text
        assert app.query_params == {"dataset": link} or app.query_params == {"dataset": [link]}
    assert [metric.value for metric in app.metric] == ["1.02 M", "measuring…", "3.37 M", "measuring…"]


def test_the_sidebar_counts_what_runs_and_what_waits(fabricated):
    made = fabricated(dataset="digits")
    assert "0 running, 1 waiting" in links(page("start.py"))
    with Lock(made.run.path / "run.lock"):
        made.state("running")
        assert "1 running, 0 waiting" in links(page("start.py"))
    made.state("done")
    assert "Nothing runs or waits" in said(page("start.py"))


def links(app: AppTest) -> str:
    return "".join(str(element.proto) for element in app.get("page_link"))
