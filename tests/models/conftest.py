"""No test here touches the user's caches or the network, unless it is there to fetch (`network`)."""

from __future__ import annotations

from pathlib import Path

import pytest
from huggingface_hub import constants


@pytest.fixture(autouse=True)
def own_cache(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.node.get_closest_marker("network") is None:
        monkeypatch.setenv("THAW_CACHE_DIR", str(tmp_path / "cache"))
        monkeypatch.setenv("THAW_OFFLINE", "1")
        monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
