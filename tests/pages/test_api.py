"""The JSON route: what a browser's script gets, and what it is refused."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.routing import Route
from starlette.testclient import TestClient

from pages import api
from pages.feed import STEPS_AT_ONCE, Feed, Feeds
from pages.headers import HEADERS, POLICY, SecurityHeaders
from tlcore.runs import EventWriter, Run, Status, create, delete
from tlcore.spec import RunSpec
from tlcore.strategies import Strategy
from tlcore.strategies.start import FromRun


@pytest.fixture
def runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv("THAW_RUNS_DIR", str(tmp_path))
    api.feeds.cache_clear()
    yield tmp_path
    api.feeds.cache_clear()


@pytest.fixture
def client(runs: Path) -> TestClient:
    return TestClient(Starlette(routes=api.ROUTES, middleware=[Middleware(SecurityHeaders)]))


def a_run(runs: Path, **status: object) -> Run:
    run = create(runs, RunSpec(dataset="digits"))
    run.write_status(Status(**({"state": "done", "queued_at": 1.0} | status)))
    return run


def write(run: Run, *events: dict[str, object]) -> None:
    writer = EventWriter(run)
    for event in events:
        writer.write("step", **event)
    writer.close()


def test_events_come_once_and_next_says_where_to_go_on(client: TestClient, runs: Path) -> None:
    run = a_run(runs)
    write(run, {"step": 1}, {"step": 2})
    first = client.get(f"/api/runs/{run.id}/events").json()
    assert [event["step"] for event in first["events"]] == [1, 2]
    assert first["state"] == "done"
    assert first["place"] is None
    assert first["error"] is None
    assert first["next"] == (run.path / "events.jsonl").stat().st_size
    write(run, {"step": 3})
    again = client.get(f"/api/runs/{run.id}/events?since={first['next']}").json()
    assert [event["step"] for event in again["events"]] == [3]
    assert client.get(f"/api/runs/{run.id}/events?since={again['next']}").json()["events"] == []


def test_a_torn_line_waits_until_it_is_whole(client: TestClient, runs: Path) -> None:
    run = a_run(runs)
    write(run, {"step": 1})
    with open(run.path / "events.jsonl", "ab") as file:
        file.write(b'{"type":"step","st')
    first = client.get(f"/api/runs/{run.id}/events").json()
    assert [event["step"] for event in first["events"]] == [1]
    with open(run.path / "events.jsonl", "ab") as file:
        file.write(b'ep":2}\n')
    again = client.get(f"/api/runs/{run.id}/events?since={first['next']}").json()
    assert [event["step"] for event in again["events"]] == [2]


def test_the_stump_of_a_killed_write_is_left_out(client: TestClient, runs: Path) -> None:
    run = a_run(runs)
    with open(run.path / "events.jsonl", "ab") as file:
        file.write(b'{"type":"st')
    write(run, {"step": 5})  # the writer ends the stump's line first
    assert [event["step"] for event in client.get(f"/api/runs/{run.id}/events").json()["events"]] == [5]


def test_an_error_and_a_lost_run_are_told(client: TestClient, runs: Path) -> None:
    error = {"type": "Diverged", "message": "The loss is no longer a number.", "next_step": "Lower the rate."}
    failed = a_run(runs, state="failed", error=error)
    assert client.get(f"/api/runs/{failed.id}/events").json()["error"] == error
    lost = a_run(runs, state="running", started_at=2.0)
    assert client.get(f"/api/runs/{lost.id}/events").json()["state"] == "lost"


def test_a_waiting_run_knows_its_place(client: TestClient, runs: Path) -> None:
    for seconds in (3.0, 4.0):
        last = a_run(runs, state="queued", queued_at=seconds)
    told = client.get(f"/api/runs/{last.id}/events").json()
    assert (told["place"], told["waits_for"]) == (2, None)


def test_a_waiting_run_of_a_chain_knows_what_it_waits_for(client: TestClient, runs: Path) -> None:
    before = a_run(runs, state="running", started_at=2.0)  # nobody holds its lock
    after = create(runs, RunSpec(dataset="digits", strategy=Strategy(start=FromRun(run_id=before.id))))
    told = client.get(f"/api/runs/{after.id}/events").json()
    assert f"It starts from run {before.id}, which was lost" in told["waits_for"]


@pytest.mark.parametrize("since", ["-1", "x", "1.5", "9" * 17, "1e3", "", "٣"])
def test_a_wrong_since_is_refused(client: TestClient, runs: Path, since: str) -> None:
    answer = client.get(f"/api/runs/{a_run(runs).id}/events", params={"since": since})
    assert answer.status_code == 400
    assert "whole number" in answer.json()["error"]["message"]


@pytest.mark.parametrize("run_id", ["x", "..%2f..%2fetc", "20261120T224500-lite0-7f3a", "20261120T224500-lite0-7f3a%00"])
def test_an_unknown_run_is_refused(client: TestClient, run_id: str) -> None:
    answer = client.get(f"/api/runs/{run_id}/events")
    assert answer.status_code == 404


def test_a_deleted_run_is_gone_though_it_was_watched(client: TestClient, runs: Path) -> None:
    run = a_run(runs)
    assert client.get(f"/api/runs/{run.id}/events").status_code == 200
    delete(runs, run.id)
    assert client.get(f"/api/runs/{run.id}/events").status_code == 404


def test_the_route_only_reads(client: TestClient, runs: Path) -> None:
    assert client.post(f"/api/runs/{a_run(runs).id}/events").status_code == 405


def test_a_long_run_is_thinned_but_keeps_its_epochs_and_its_last_step(runs: Path) -> None:
    run = a_run(runs)
    writer = EventWriter(run)
    for step in range(1, 3 * STEPS_AT_ONCE + 1):
        writer.write("step", step=step)
        if step % 1000 == 0:
            writer.write("epoch", epoch=step // 1000 - 1, step=step)
    writer.close()
    events = json.loads(Feeds(runs).answer(run.id, 0))["events"]
    steps = [event["step"] for event in events if event["type"] == "step"]
    assert len(steps) <= STEPS_AT_ONCE + 1
    assert steps == sorted(steps)
    assert steps[-1] == 3 * STEPS_AT_ONCE
    assert [event["epoch"] for event in events if event["type"] == "epoch"] == list(range(3 * STEPS_AT_ONCE // 1000))


def test_lines_are_read_once_for_all_who_watch(runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = a_run(runs)
    write(run, *({"step": step} for step in range(50)))
    looks: list[float] = []
    feed = Feed(run, lambda: looks.append(time.monotonic()) or {"place": 1, "waits_for": None})  # type: ignore[func-returns-value]
    answers = {feed.answer(0) for _ in range(30)}
    assert len(answers) == 1
    reads: list[object] = []
    monkeypatch.setattr(json, "loads", lambda line: reads.append(line))
    for _ in range(30):
        feed.answer(0)
    assert reads == []


def test_every_answer_carries_the_security_headers(client: TestClient) -> None:
    for path in ("/api/runs/x/events", "/nothing-here"):
        answer = client.get(path)
        for name, value in HEADERS.items():
            assert answer.headers[name] == value


def test_the_policy_allows_no_foreign_host_and_no_inline_script() -> None:
    scripts = re.search(r"script-src ([^;]*)", POLICY)
    assert scripts
    assert "unsafe-inline" not in scripts[1]
    assert "unsafe-eval" not in scripts[1]
    assert "http" not in POLICY
    assert "*" not in POLICY
    assert re.search(r"'sha256-[A-Za-z0-9+/]{43}='", scripts[1]), "Streamlit's own inline script is named by its hash"


def test_websockets_pass_without_headers() -> None:
    from starlette.websockets import WebSocket

    async def echo(socket: WebSocket) -> None:
        await socket.accept()
        await socket.send_text("hello")
        await socket.close()

    from starlette.routing import WebSocketRoute

    app = Starlette(routes=[WebSocketRoute("/ws", echo), Route("/x", lambda _: None)], middleware=[Middleware(SecurityHeaders)])
    with TestClient(app).websocket_connect("/ws") as socket:
        assert socket.receive_text() == "hello"
