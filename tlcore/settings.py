"""Where things are kept, and what the browser may reach. Each setting is an environment variable with a default.

THAW_RUNS_DIR     runs                               (./runs)
THAW_CACHE_DIR    fetched and decoded files          (the user's cache directory, thaw/)
THAW_DATA_ROOTS   folders a browser may pick data in (none; separated by ':')
THAW_OFFLINE      1: never use the network
THAW_DECODED_GB   most disk that decoded pictures take (20)
"""

from __future__ import annotations

import os
from pathlib import Path

from tlcore.errors import SpecError


def runs_dir() -> Path:
    return Path(os.environ.get("THAW_RUNS_DIR") or "runs").expanduser().resolve()


def cache_dir() -> Path:
    given = os.environ.get("THAW_CACHE_DIR")
    if given:
        return Path(given).expanduser().resolve()
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base).expanduser().resolve() / "thaw"


def data_roots() -> tuple[Path, ...]:
    """Folders that a browser may pick data in; the upload folder is always one of them."""
    named = [part for part in os.environ.get("THAW_DATA_ROOTS", "").split(os.pathsep) if part]
    return (uploads_dir(), *(Path(part).expanduser().resolve() for part in named))


def uploads_dir() -> Path:
    return cache_dir() / "uploads"


def offline() -> bool:
    return os.environ.get("THAW_OFFLINE", "") not in ("", "0")


def decoded_limit_bytes() -> int:
    given = os.environ.get("THAW_DECODED_GB") or "20"
    try:
        return int(float(given) * 1e9)
    except ValueError:
        raise SpecError(f"THAW_DECODED_GB must be a number of gigabytes, not {given!r}.") from None
