"""A person's way through a run, in a real browser with a real job: choose, start, watch, refresh, share, cancel, find."""

from __future__ import annotations

import re
from collections.abc import Callable
from urllib.parse import parse_qs, urlparse

from playwright.sync_api import Page, expect

LINK = "/train?dataset=digits&backbone=mobilenetv3_small_100&image_size=32&epochs=200&cut=off"  # uncut: it takes its time


def run_of(page: Page) -> str:
    return parse_qs(urlparse(page.url).query)["run"][0]


def epochs(server, run_id: str) -> int:
    return sum(event["type"] == "epoch" for event in server.events(run_id)["events"])


def pick(page: Page, label: str, option: str) -> None:
    box = page.get_by_role("combobox", name=re.compile(f"(^|\\. ){label}"))
    box.click()
    box.fill(option)
    page.get_by_role("option", name=option, exact=True).click()


def test_choose_start_watch_refresh_share_cancel_find(server, visit, wait_until: Callable[..., None]) -> None:
    teacher = visit()
    page = teacher.page
    page.goto(server.url + LINK)
    expect(page.get_by_role("heading", name="Train")).to_be_visible()
    pick(page, "Strategy", "Random features")
    expect(page.get_by_text("Random weights stay frozen and only the head trains.")).to_be_visible()

    page.get_by_role("button", name="Start", exact=True).click()
    page.wait_for_url(re.compile(r"run="))
    run_id = run_of(page)
    # The first run of a fresh server waits for the worker to import torch.
    expect(page.get_by_role("status")).to_contain_text(re.compile(r"epoch|step", re.I), timeout=90_000)
    expect(page.locator(".live .loss svg path[d*='L']").first).to_be_visible()
    wait_until(lambda: epochs(server, run_id) >= 2, seconds=60, what="two epochs")

    page.reload()
    expect(page.get_by_role("status")).to_contain_text(re.compile(r"epoch|step", re.I))
    expect(page.locator(".live .loss svg path[d*='L']").first).to_be_visible()
    assert run_of(page) == run_id
    before = epochs(server, run_id)
    wait_until(lambda: epochs(server, run_id) > before, seconds=60, what="an epoch after the refresh")

    pupil = visit()
    pupil.page.goto(page.url)
    expect(pupil.page.get_by_role("heading", name="Random features")).to_be_visible()
    expect(pupil.page.locator(".live .loss svg path[d*='L']").first).to_be_visible()

    page.get_by_role("button", name="Cancel", exact=True).click()
    wait_until(lambda: server.events(run_id)["state"] == "cancelled", seconds=30, what="the run to be cancelled")
    for watching in (page, pupil.page):
        expect(watching.get_by_test_id("stMain").get_by_text("Cancelled").first).to_be_visible()

    pupil.page.goto(f"{server.url}/runs?run={run_id}&find={run_id}")
    expect(pupil.page.get_by_test_id("stDataFrame")).to_contain_text("Random features")
    expect(pupil.page.get_by_text(re.compile(r"^1 run\."))).to_be_visible()
    pupil.page.get_by_test_id("stBaseButton-primary").filter(has_text="Open").click()
    pupil.page.wait_for_url(re.compile(f"/train\\?run={run_id}"))
    expect(pupil.page.get_by_role("heading", name="Random features")).to_be_visible()


def test_a_frozen_backbone_is_computed_once_and_the_next_run_finds_it(server, visit) -> None:
    page = visit().page
    link = server.url + LINK.replace("epochs=200", "epochs=3").replace("&cut=off", "") + "&strategy=random-features"
    said = []
    for _ in range(2):
        page.goto(link)
        page.get_by_role("button", name="Start", exact=True).click()
        page.wait_for_url(re.compile(r"run="))
        expect(page.get_by_test_id("stMain").get_by_text("Done").first).to_be_visible(timeout=90_000)
        expect(page.locator(".stack td.cut.kept")).to_have_count(1)
        expect(page.locator(".slab.warm").first).to_contain_text("line search")
        words = page.get_by_text("The frozen layers had to see")
        expect(words).to_be_visible()
        said.append(words.inner_text())
    assert "kept for the next run" in said[0]
    assert "The cache had all of them" in said[1]

    page.goto(f"{server.url}/runs")
    clear = page.get_by_role("button", name="Clear the cache")
    expect(clear).to_be_visible()
    clear.evaluate("button => button.scrollIntoView({block: 'center'})")  # what it opens needs room below
    clear.click()
    page.get_by_role("button", name="Remove all of it").click()
    expect(page.get_by_text("Nothing is kept yet.")).to_be_visible()


def test_delete_and_undo(server, visit) -> None:
    page = visit().page
    page.goto(server.url + LINK.replace("epochs=200", "epochs=1") + "&strategy=random-features")
    page.get_by_role("button", name="Start", exact=True).click()
    page.wait_for_url(re.compile(r"run="))
    run_id = run_of(page)
    expect(page.get_by_test_id("stMain").get_by_text("Done").first).to_be_visible(timeout=60_000)

    page.goto(f"{server.url}/runs?run={run_id}")
    page.get_by_role("button", name="Delete").click()
    expect(page.get_by_text("1 run deleted.")).to_be_visible()
    assert not (server.runs / run_id).exists()
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_text("1 run deleted.")).not_to_be_visible()
    assert (server.runs / run_id / "result.json").exists()
