"""The hub, played by a server of our own: fetched once, told apart from a network that is not there."""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import torch
from huggingface_hub import constants
from safetensors.torch import load, save

from tlcore.errors import AssetError, Cancelled
from tlcore.models import hub
from tlcore.models.catalogue import BACKBONES
from tlcore.progress import silent

SOURCE = BACKBONES["resnet18"].weights[0]
CONTENT = save({"a": torch.arange(4.0)})
COMMIT = "0123456789abcdef0123456789abcdef01234567"


class _Hub(BaseHTTPRequestHandler):
    asked: list[str]

    def do_HEAD(self) -> None:
        self._answer(b"")

    def do_GET(self) -> None:
        self._answer(CONTENT)

    def _answer(self, body: bytes) -> None:
        self.asked.append(f"{self.command} {self.path}")
        known = self.path in ("/", "/timm/resnet18.a1_in1k/resolve/main/model.safetensors", f"/{COMMIT}")
        self.send_response(200 if known else 404)
        self.send_header("Content-Length", str(len(CONTENT)) if known else "0")
        self.send_header("ETag", f'"{hashlib.sha256(CONTENT).hexdigest()}"')
        self.send_header("X-Repo-Commit", COMMIT)
        if not known:
            self.send_header("X-Error-Code", "RepoNotFound")
        self.end_headers()
        if known:
            self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Keep the test's output clean."""


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    _Hub.asked = []
    httpd = ThreadingHTTPServer(("127.0.0.1", 0), _Hub)
    thread = threading.Thread(target=httpd.serve_forever, daemon=True)
    thread.start()
    endpoint = f"http://127.0.0.1:{httpd.server_port}"
    monkeypatch.delenv("THAW_OFFLINE")
    monkeypatch.setenv("HF_ENDPOINT", endpoint)
    monkeypatch.setattr(constants, "ENDPOINT", endpoint)
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", endpoint + "/{repo_id}/resolve/{revision}/{filename}")
    yield _Hub.asked
    httpd.shutdown()
    thread.join()
    httpd.server_close()


def test_a_file_is_fetched_once(server: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[tuple[str, int, int, str]] = []
    file = hub.download(SOURCE, lambda *report: told.append(report))
    assert load(file.read_bytes())["a"].tolist() == [0, 1, 2, 3]
    assert any(line.startswith("GET") for line in server)
    size = len(CONTENT)
    assert told[-1] == ("Fetching timm/resnet18.a1_in1k from the Hugging Face hub", size, size, "bytes")
    server.clear()
    monkeypatch.setenv("THAW_OFFLINE", "1")
    assert hub.download(SOURCE, silent) == file
    assert server == []


@pytest.mark.usefixtures("server")
def test_a_repository_that_is_not_there() -> None:
    with pytest.raises(AssetError, match=r"timm/densenet121\.ra_in1k could not be fetched"):
        hub.download(BACKBONES["densenet121"].weights[0], silent)


def test_without_a_network_it_says_so_within_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(AssetError, match="network is switched off"):
        hub.download(SOURCE, silent)
    monkeypatch.delenv("THAW_OFFLINE")
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(AssetError, match="network is switched off"):
        hub.download(SOURCE, silent)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")  # nobody listens there
    start = time.monotonic()
    with pytest.raises(AssetError, match="could not be reached"):
        hub.download(SOURCE, silent)
    assert time.monotonic() - start < 5


def test_a_download_stops_when_it_is_told_to(server: list[str]) -> None:
    def stop(*_: object) -> None:
        raise Cancelled("stopped")

    with pytest.raises(Cancelled):
        hub.download(SOURCE, stop)
    assert hub.download(SOURCE, silent).read_bytes() == CONTENT
    assert server
