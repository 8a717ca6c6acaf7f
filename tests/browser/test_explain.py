"""A person's own picture and the demo, in a real browser with real jobs: a DICOM file, hostile ones, a room with a keyboard."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import parse_qs, urlparse

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from tests.browser.names import HOSTILE
from tests.data.hostile import png
from tests.data.made_dicom import write
from tests.explain.small_run import finished
from tlcore.runs import Run

NAMES = sorted(HOSTILE)  # the order of classes
BANNER = "For teaching and research, not for clinical decisions."
BEYOND = """node => [...node.querySelectorAll('*')]
  .filter((one) => { const at = one.getBoundingClientRect(); return at.width && (at.right > innerWidth + 1 || at.left < -1); })
  .map((one) => one.className || one.tagName)"""  # what is drawn past the edges of the screen
SLOW = 180_000  # milliseconds: the first job of a fresh server waits for the worker to import torch


@pytest.fixture(scope="module")
def run(server) -> Run:
    """A run on a person's own pictures, of classes whose names try to be markup."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("THAW_CACHE_DIR", str(server.runs.parent / "cache"))
        patch.setenv("THAW_DATA_ROOTS", str(server.data.parent))
        return finished(server.runs, dataset=str(server.data), images_per_class=None)


def bring(page: Page, name: str, content: bytes) -> None:
    file = {"name": name, "mimeType": "application/octet-stream", "buffer": content}
    uploader = page.get_by_test_id("stFileUploaderDropzoneInput")
    expect(uploader).to_have_count(1)  # the one before, with the file that it held, has given way
    uploader.set_input_files(files=[file])


def picture_of(page: Page) -> str:
    return parse_qs(urlparse(page.url).query).get("picture", [""])[0]


def dicom(folder: Path) -> bytes:
    """A film of a patient whose name is in the file."""
    values = np.linspace(0, 4000, 64 * 64).reshape(64, 64)
    fields = {"PatientName": "Mustermann^Erika", "PhotometricInterpretation": "MONOCHROME1"}
    return write(folder / "film", values, **fields).read_bytes()


def bomb() -> bytes:
    """A PNG of a few bytes that declares 400 million pixels."""
    return png(20_000, 20_000, 8, 0, bytes(1000))


def test_a_dicom_file_is_answered_a_hostile_one_is_a_sentence_and_both_are_forgotten(server, visit, run, tmp_path) -> None:
    visitor = visit()
    page = visitor.page
    page.goto(f"{server.url}/explain?run={run.id}&view=own")
    main = page.get_by_test_id("stMain")
    expect(main.get_by_text(BANNER).first).to_be_visible()

    bring(page, "Mustermann 1950", dicom(tmp_path))
    page.wait_for_url(re.compile("picture="))
    expect(main.get_by_text("It answers").first).to_be_visible(timeout=SLOW)
    expect(main.get_by_text("Calibrated probability")).to_be_visible()
    expect(main.get_by_text("None of the file's tags was kept.")).to_be_visible()
    expect(main.get_by_text("MONOCHROME1")).to_be_visible()
    expect(main.get_by_text(BANNER).first).to_be_visible()
    expect(main).not_to_contain_text("Mustermann")
    answered = picture_of(page)

    for name, content, words in (
        ("film.png", b"<svg onload=alert(1)><script>alert(1)</script>", "not a picture in a format that is read here"),
        ("film.png", bomb(), "pixels"),
        ("film.dcm", bytes(128) + b"DICM" + bytes(64), "DICOM"),
    ):
        bring(page, name, content)
        refusal = main.get_by_test_id("stAlertContentError")
        expect(refusal).to_contain_text(words)
        expect(refusal).not_to_contain_text("Traceback")
        assert picture_of(page) == answered  # nothing is lost
        expect(main.get_by_text("It answers").first).to_be_visible()

    page.reload()
    expect(main.get_by_text("It answers").first).to_be_visible()
    kept = [file for folder in (server.runs, server.runs.parent / "cache") for file in folder.rglob("*") if file.is_file()]
    assert not [file for file in kept if b"Mustermann" in file.read_bytes()]
    page.get_by_role("button", name="Forget this picture").click()
    expect(main.get_by_text("The picture is forgotten")).to_be_visible()
    assert not (server.runs / answered).exists()
    assert not list((server.runs.parent / "cache" / "own-pictures").rglob("*.png"))
    assert page.locator("img[src='x'], img[src*='stolen']").count() == 0


def test_a_room_walks_the_demo_by_keyboard(server, visit, run) -> None:
    visitor = visit(color_scheme="light")
    page = visitor.page
    page.goto(f"{server.url}/demo?run={run.id}&beside=start")
    expect(page.get_by_test_id("stMain").get_by_text(BANNER).first).to_be_visible()
    page.get_by_role("button", name="Make the demo").click()
    demo = page.locator("dialog.demo")
    expect(demo).to_be_visible(timeout=SLOW)
    expect(demo.locator(".banner")).to_have_text(BANNER)
    expect(demo.locator(".classes .name")).to_have_text(NAMES)  # as text
    assert demo.evaluate("node => getComputedStyle(node).backgroundColor") == "rgb(10, 13, 19)"
    count = demo.locator(".count")
    images = int(count.inner_text().rpartition(" ")[2])
    page.wait_for_timeout(500)
    asked = len([url for url in visitor.asked if not url.startswith(("data:", "blob:"))])

    # Nothing happens by mistake: not the truth without a guess, not the next image, not the page's own keys.
    page.keyboard.press("Space")
    expect(demo.locator(".hint")).to_contain_text("Guess first")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("c")
    expect(count).to_have_text(f"1 of {images}")
    expect(demo.locator(".verdict p")).to_have_count(0)

    page.keyboard.press("1")
    expect(demo.locator("li.guessed .name")).to_have_text(NAMES[0])
    page.keyboard.press("ArrowDown")
    expect(demo.locator("li.guessed .name")).to_have_text(NAMES[1])
    page.keyboard.press("Space")
    expect(demo.locator(".verdict p")).to_have_count(3)  # the room and two networks
    expect(demo.locator("li.truth")).to_have_count(1)
    expect(demo.locator("figure.map:visible")).to_have_count(2)
    expect(demo.locator(".tally .of")).to_have_text("of 1")
    page.keyboard.press("m")
    expect(demo.locator("figure.map:visible")).to_have_count(0)
    page.keyboard.press("2")  # too late
    page.keyboard.press("Space")
    expect(count).to_have_text(f"2 of {images}")
    page.keyboard.press("r")
    expect(demo.locator(".hint")).to_contain_text("once more")
    page.keyboard.press("m")
    page.keyboard.press("r")  # another key lay between
    expect(demo.locator(".verdict p")).to_have_count(0)
    page.keyboard.press("r")  # revealed without a guess: it counts for nobody
    expect(demo.locator(".verdict p")).to_have_count(2)
    expect(demo.locator(".tally .of")).to_have_text("of 1")
    page.keyboard.press("ArrowLeft")
    expect(count).to_have_text(f"1 of {images}")
    assert len([url for url in visitor.asked if not url.startswith(("data:", "blob:"))]) == asked  # no server is needed

    page.reload()  # a key pressed by mistake loses nothing
    expect(demo).to_be_visible()
    expect(count).to_have_text(f"1 of {images}")
    expect(demo.locator(".tally .of")).to_have_text("of 1")
    page.keyboard.press("Space")
    page.keyboard.press("Space")
    for _ in range(images - 2):
        page.keyboard.press("1")
        page.keyboard.press("Space")
        page.keyboard.press("Space")
    expect(demo.locator(".last h2")).to_have_text(f"Of {images - 1} images that the room guessed")
    expect(demo.locator(".last dt")).to_have_count(3)
    expect(demo.locator(".last p")).to_contain_text("nothing about images in general")

    page.keyboard.press("n")
    expect(demo.locator(".hint")).to_contain_text("the score goes")
    expect(demo.locator(".last h2")).to_be_visible()
    page.keyboard.press("Escape")
    expect(demo.locator(".hint")).to_contain_text("once more")
    expect(demo).to_be_visible()
    page.keyboard.press("Escape")
    expect(demo).not_to_be_visible()
    page.wait_for_url(re.compile(r"/explain\?run="))
    expect(page.get_by_role("heading", name="Explain").first).to_be_visible()


@pytest.mark.parametrize(("width", "height"), [(360, 740), (1280, 720), (1920, 1080)])
def test_the_demo_fits_the_screen(server, visit, run, width: int, height: int) -> None:
    page = visit(width=width, height=height).page
    page.goto(f"{server.url}/demo?run={run.id}&beside=start")
    demo, make = page.locator("dialog.demo"), page.get_by_role("button", name="Make the demo")
    expect(demo.or_(make)).to_be_visible(timeout=60_000)
    if make.is_visible():  # this test came first
        make.click()
    expect(demo).to_be_visible(timeout=SLOW)
    for keys in ([], ["1"], ["Space"]):
        for key in keys:
            page.keyboard.press(key)
        page.wait_for_timeout(600)
        assert demo.evaluate(BEYOND) == []
    image = demo.locator("figure.picture img").bounding_box()
    assert image is not None
    assert image["width"] >= (90 if width == 360 else 0.25 * width)
