"""Where things are kept, and what the browser may reach. Each setting is an environment variable with a default.

THAW_RUNS_DIR     runs                               (./runs)
THAW_CACHE_DIR    fetched and decoded files          (the user's cache directory, thaw/)
THAW_DATA_ROOTS   folders a browser may pick data in (none; separated by ':')
THAW_OFFLINE      1: never use the network
THAW_DECODED_GB   most disk that decoded pictures take (20)
THAW_ACTIVATIONS_DIR  what frozen parts of networks computed, kept (activations/ in the cache directory)
THAW_ACTIVATIONS_GB   most disk that it takes (10; 0 keeps nothing)
"""

from __future__ import annotations

import os
from pathlib import Path

from tlcore.errors import SpecError

# How often a thread of libgomp (PyTorch's on Linux) looks for the others before it sleeps. By its own rule it looks 300,000
# times, which is milliseconds: where another program takes a core, training then spends its share of the other one looking, and
# is six times slower instead of twice. For processes that have not loaded it yet; what a person has set is kept.
PATIENT_THREADS = {"GOMP_SPINCOUNT": "3000"}


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


def activations_dir() -> Path:
    given = os.environ.get("THAW_ACTIVATIONS_DIR")
    return Path(given).expanduser().resolve() if given else cache_dir() / "activations"


def activations_limit_bytes() -> int:
    return _gigabytes("THAW_ACTIVATIONS_GB", 10)


def decoded_limit_bytes() -> int:
    return _gigabytes("THAW_DECODED_GB", 20)


def _gigabytes(name: str, default: float) -> int:
    given = os.environ.get(name) or str(default)
    try:
        size = float(given)
    except ValueError:
        size = -1.0
    if not 0 <= size < float("inf"):
        raise SpecError(f"{name} must be a number of gigabytes, not {given!r}.", next_step="Set it to 0 or more.")
    return int(size * 1e9)
