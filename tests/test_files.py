"""Files that are never half written, and locks that die with their holder."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from tlcore.files import Lock, holder, really_holds, replacing, sweep_temporaries, write_atomically, write_json


def test_a_write_that_fails_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    file = tmp_path / "new folder" / "x.json"
    write_atomically(file, "old")
    with pytest.raises(ValueError, match=r"NaN|nan|JSON compliant"):
        write_json(file, {"loss": float("nan")})
    with pytest.raises(TypeError), replacing(file) as half:
        half.write(b"half of it") and half.write("not bytes")
    assert file.read_text() == "old"
    assert os.listdir(file.parent) == ["x.json"]


KILLED = """
import os, signal, sys
from pathlib import Path
from tlcore.files import replacing
with replacing(Path(sys.argv[1])) as file:
    file.write(b"half of it")
    file.flush()
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_process_killed_while_writing_leaves_the_old_file_and_its_rest_is_swept(tmp_path: Path) -> None:
    file = tmp_path / "x.json"
    write_atomically(file, "old")
    assert subprocess.run([sys.executable, "-c", KILLED, str(file)], check=False).returncode == -9
    assert file.read_text() == "old"
    assert len(os.listdir(tmp_path)) == 2
    assert sweep_temporaries(tmp_path) == 0  # too young: somebody may be writing it
    assert sweep_temporaries(tmp_path, older_than_seconds=0.0) == 1
    assert os.listdir(tmp_path) == ["x.json"]


def test_readers_see_the_old_or_the_new_and_nothing_between(tmp_path: Path) -> None:
    file = tmp_path / "x"
    write_atomically(file, "a" * 100_000)
    seen: set[str] = set()
    done = threading.Event()

    def read() -> None:
        while not done.is_set():
            seen.add(file.read_text())

    reader = threading.Thread(target=read)
    reader.start()
    for letter in "bcde":
        write_atomically(file, letter * 100_000)
    done.set()
    reader.join()
    assert {(len(text), len(set(text))) for text in seen} == {(100_000, 1)}


HOLDING = """
import sys, time
from pathlib import Path
from tlcore.files import Lock
with Lock(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(600)
"""


def test_a_lock_excludes_names_its_holder_and_is_freed_by_a_kill(tmp_path: Path) -> None:
    path = tmp_path / "run.lock"
    assert holder(path) is None
    with subprocess.Popen([sys.executable, "-c", HOLDING, str(path)], stdout=subprocess.PIPE) as other:
        try:
            assert other.stdout.readline() == b"held\n"
            assert holder(path) == other.pid
            assert really_holds(other.pid, path)
            assert not really_holds(os.getpid(), path)
            began = time.monotonic()
            with pytest.raises(TimeoutError, match=r"run\.lock is locked"), Lock(path, timeout_seconds=0.1):
                pass
            assert time.monotonic() - began >= 0.1
        finally:
            other.kill()
            other.wait()
    assert holder(path) is None
    with Lock(path, timeout_seconds=0):
        assert holder(path) == os.getpid()
    assert holder(path) is None


def test_a_process_forked_while_the_lock_was_held_does_not_keep_it(tmp_path: Path) -> None:
    path = tmp_path / "run.lock"
    with Lock(path):
        inherited = [os.dup(int(name)) for name in os.listdir("/proc/self/fd") if _is(path, name)]
    try:
        assert holder(path) is None
    finally:
        assert inherited
        for descriptor in inherited:
            os.close(descriptor)


def _is(path: Path, descriptor: str) -> bool:
    try:
        return os.path.samestat(os.fstat(int(descriptor)), path.stat())
    except OSError:
        return False


def test_ids_that_cannot_be_processes_hold_nothing(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.touch()
    assert not really_holds(0, path)
    assert not really_holds(-1, path)
    assert not really_holds(2**22 + 1, path)
