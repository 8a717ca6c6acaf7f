from __future__ import annotations

from pathlib import Path

import hostile
import pytest


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Every hostile and unusual input, by name. Tests read it and never change it."""
    return hostile.make(tmp_path_factory.mktemp("hostile"))
