"""A picture is forgotten for good, with every explanation of it, of any run, in the trash too; and nothing else goes."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from tests.data.hostile import encoded
from tlcore.data.arriving import arrive, kept
from tlcore.errors import DataError, ThawError
from tlcore.explain.forget import forget_picture
from tlcore.runs import Run, Status, all_runs, create, delete, trashed
from tlcore.spec import ExplainSpec

ABOUT = ("20261121T120000-one-0001", "20261121T120000-two-0002")


def picture(gray: int) -> str:
    return arrive(encoded(Image.new("L", (9, 7), gray), "PNG")).sha256


def job(runs: Path, digest: str | None, about: str = ABOUT[0], state: str = "done") -> Run:
    made = create(runs, ExplainSpec(run_id=about, picture=digest))
    made.write_status(Status(state, 0.0))
    return made


@pytest.fixture
def runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("THAW_CACHE_DIR", str(tmp_path / "cache"))
    return tmp_path / "runs"


def test_the_picture_and_all_that_was_asked_about_it_go(runs: Path) -> None:
    digest, other = picture(10), picture(20)
    first, second, thrown = job(runs, digest), job(runs, digest, ABOUT[1]), job(runs, digest)
    delete(runs, thrown.id)
    stay = [job(runs, other), job(runs, None)]
    assert [one.id for one in trashed(runs)] == [thrown.id]
    assert forget_picture(runs, digest) == 3
    assert not first.path.exists()
    assert not second.path.exists()
    assert not list(trashed(runs))
    with pytest.raises(DataError):
        kept(digest)
    assert kept(other).is_file()
    assert {one.id for one in all_runs(runs)} == {one.id for one in stay}
    assert forget_picture(runs, digest) == 0


def test_while_a_job_about_it_waits_nothing_goes(runs: Path) -> None:
    digest = picture(10)
    done, waiting = job(runs, digest), job(runs, digest, ABOUT[1], "queued")
    with pytest.raises(ThawError, match=f"is queued: {waiting.id}"):
        forget_picture(runs, digest)
    assert done.path.exists()
    assert kept(digest).is_file()


def test_a_folder_that_is_no_run_is_left_alone(runs: Path) -> None:
    digest = picture(10)
    broken = job(runs, digest)
    (broken.path / "spec.json").write_text("{")
    assert forget_picture(runs, digest) == 0
    assert broken.path.exists()


def test_what_is_no_digest_removes_nothing(runs: Path) -> None:
    stays = job(runs, None)
    assert forget_picture(runs, "../..") == 0
    assert stays.path.exists()
