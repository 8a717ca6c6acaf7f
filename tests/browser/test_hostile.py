"""Class names that try to be markup, from a folder of pictures to the page: they are shown as they are and do nothing."""

from __future__ import annotations

import re
from urllib.parse import quote

from playwright.sync_api import expect

from tests.browser.names import HOSTILE


def test_hostile_class_names_are_only_text(server, visit) -> None:
    visitor = visit()
    page = visitor.page
    page.goto(f"{server.url}/data?dataset={quote(str(server.data))}")
    page.get_by_role("button", name="Look at it").click()
    expect(page.get_by_role("heading", name="Samples by class")).to_be_visible(timeout=90_000)
    expect(page.get_by_role("heading", name="Balance and split")).to_be_visible()
    for name in HOSTILE:
        expect(page.get_by_test_id("stMain").get_by_text(name, exact=True).first).to_be_visible()
    page.wait_for_timeout(1000)
    assert page.locator("img[src='x'], img[src*='stolen']").count() == 0
    assert not [url for url in visitor.asked if re.search(r"stolen|/x$", url)]


def test_a_look_is_there_at_once_the_second_time(server, visit) -> None:
    link = f"{server.url}/data?dataset=digits"
    first = visit().page
    first.goto(link)
    first.get_by_role("button", name="Look at it").click()
    expect(first.get_by_role("heading", name="Samples by class")).to_be_visible(timeout=90_000)
    second = visit().page
    second.goto(link)
    expect(second.get_by_role("heading", name="Samples by class")).to_be_visible()
    expect(second.get_by_role("button", name="Look again")).to_be_visible()
