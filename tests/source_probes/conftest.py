"""A cache that holds made-up sources, without the network."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.source_probes.made import fill_cache, weights_file


@pytest.fixture(scope="session")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The cache folder."""
    folder = tmp_path_factory.mktemp("source-cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("THAW_CACHE_DIR", str(folder))
        fill_cache(folder)
    return folder


@pytest.fixture(autouse=True)
def _own_cache(filled: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("THAW_CACHE_DIR", str(filled))
    monkeypatch.setenv("THAW_OFFLINE", "1")


@pytest.fixture(scope="session")
def own_weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file of pretrained weights with a 1,000-way classifier."""
    return weights_file(tmp_path_factory.mktemp("weights"))
