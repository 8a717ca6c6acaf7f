"""Every page, by its own address, in both themes and on a phone: framed, quiet, and inside the screen."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

PAGES = {
    "/": "What happens when you unfreeze",
    "/train": "Train",
    "/compare": "Compare",
    "/layers": "Layers",
    "/forgetting": "Forgetting",
    "/explain": "Explain",
    "/demo": "Demo",
    "/data": "Data",
    "/runs": "Runs",
}
NAVIGATION = ("Start", "Train", "Compare", "Layers", "Forgetting", "Explain", "Data", "Runs")
BACKGROUND = {"light": "rgb(255, 255, 255)", "dark": "rgb(16, 20, 28)"}


def settled(page: Page) -> None:
    expect(page.get_by_test_id("stStatusWidget")).not_to_be_visible()
    page.wait_for_timeout(500)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("path", PAGES)
def test_a_fresh_deep_link_shows_the_page_in_its_frame(server, visit, path: str, scheme: str) -> None:
    page = visit(color_scheme=scheme).page
    page.goto(server.url + path)
    expect(page.get_by_role("heading", name=PAGES[path]).first).to_be_visible()
    expect(page.get_by_test_id("stSidebarNavLink")).to_have_text([re.compile(f"{name}$") for name in NAVIGATION])
    assert page.get_by_test_id("stApp").evaluate("node => getComputedStyle(node).backgroundColor") == BACKGROUND[scheme]
    settled(page)


@pytest.mark.parametrize("path", PAGES)
def test_a_page_fits_a_phone(server, visit, path: str) -> None:
    page = visit(width=360, height=740).page
    page.goto(server.url + path)
    expect(page.get_by_role("heading", name=PAGES[path]).first).to_be_visible()
    settled(page)
    wide = page.get_by_test_id("stMain").evaluate("node => node.scrollWidth - node.clientWidth")
    assert wide <= 1, f"{wide} px wider than the screen"


def test_less_motion_stands_still(server, visit) -> None:
    visitor = visit()
    visitor.page.emulate_media(reduced_motion="reduce")
    visitor.page.goto(server.url)
    slab = visitor.page.locator(".thaw-slab").first
    expect(slab).to_be_visible()
    assert slab.evaluate("node => getComputedStyle(node).animationName") == "none"


@pytest.mark.parametrize(
    "link",
    [
        "/train?run=../../etc/passwd",
        "/train?run=20261120T224500-x-0000",
        "/compare?comparison=../../etc/passwd",
        "/layers?run=../../etc/passwd",
        "/forgetting?run=../../etc/passwd",
        "/explain?run=../../etc/passwd",
        "/demo?explain=../../etc/passwd",
        "/data?dataset=/etc",
        "/data?dataset=nonsense",
    ],
)
def test_a_wrong_link_is_a_sentence(server, visit, link: str) -> None:
    page = visit().page
    page.goto(server.url + link)
    alert = page.get_by_test_id("stAlert").first
    expect(alert).to_be_visible()
    expect(alert).not_to_contain_text("Traceback")
    expect(alert).to_contain_text(".")
