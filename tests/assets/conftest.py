"""Every test fetches into a cache of its own, from wheels and a server of its own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from asset_samples import Server

from tlcore.assets import transport


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "cache"
    monkeypatch.setenv("THAW_CACHE_DIR", str(folder))
    monkeypatch.delenv("THAW_OFFLINE", raising=False)
    monkeypatch.setattr(transport, "_PAUSE_SECONDS", 0.0)
    return folder


@pytest.fixture
def wheels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """pip finds wheels here and nowhere else."""
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "wheels"))
    return tmp_path / "wheels"


@pytest.fixture
def server() -> Iterator[Server]:
    running = Server()
    yield running
    running.close()
