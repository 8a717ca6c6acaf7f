"""A wheel by hand, a small server that can break off, and the records that pin what they give."""

from __future__ import annotations

import base64
import hashlib
import http.server
import os
import threading
import zipfile
from pathlib import Path

from tlcore.assets import Asset, Download, File, Wheel

WEIGHTS = os.urandom(3_000_000)  # more than a few chunks


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def leftovers(cache: Path) -> list[str]:
    """Every file below the cache but locks."""
    return [str(file.relative_to(cache)) for file in cache.rglob("*") if file.is_file() and ".locks" not in file.parts]


def make_wheel(folder: Path, members: dict[str, bytes]) -> Path:
    """A wheel that pip accepts, by hand."""
    folder.mkdir(exist_ok=True)
    path = folder / "tiny_weights-1.0-py3-none-any.whl"
    info = "tiny_weights-1.0.dist-info"
    members = {
        **members,
        f"{info}/METADATA": b"Metadata-Version: 2.1\nName: tiny-weights\nVersion: 1.0\nRequires-Dist: torch==0.1\n",
        f"{info}/WHEEL": b"Wheel-Version: 1.0\nGenerator: hand\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    digests = {name: base64.urlsafe_b64encode(hashlib.sha256(c).digest()).rstrip(b"=").decode() for name, c in members.items()}
    record = "".join(f"{name},sha256={digests[name]},{len(content)}\n" for name, content in members.items())
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
        archive.writestr(f"{info}/RECORD", record + f"{info}/RECORD,,\n")
    return path


def wheel_asset(digest: str | None, **changes: object) -> Asset:
    fields = {
        "name": "tiny",
        "version": "1.0",
        "title": "tiny weights",
        "sources": (Wheel("tiny-weights", "1.0"),),
        "files": (File("tiny_weights/models/*.pth", digest),),
        "licence": "Apache-2.0",
        "attribution": "By hand.",
        "size_bytes": len(WEIGHTS),
    }
    return Asset(**(fields | changes))


class Server:
    """Serves `files`, with ranges, and breaks off after `break_after` bytes as often as `breaks` says."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.break_after, self.breaks = 0, 0
        self.ranges = True
        self.asked: list[str | None] = []  # the Range header of each request
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def log_message(self, *parts: object) -> None:
                pass

            def do_GET(self) -> None:
                wanted = self.headers.get("Range")
                outer.asked.append(wanted)
                content = outer.files.get(self.path.partition("?")[0])
                if content is None:
                    self.send_error(404)
                    return
                start = int(wanted.removeprefix("bytes=").rstrip("-")) if wanted and outer.ranges else 0
                if start >= len(content):
                    self.send_error(416)
                    return
                self.send_response(206 if start else 200)
                self.send_header("Content-Length", str(len(content) - start))
                self.end_headers()
                end = len(content)
                if outer.breaks:
                    outer.breaks -= 1
                    end = min(end, start + outer.break_after)
                self.wfile.write(content[start:end])

        self._http = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._http.server_port}"
        threading.Thread(target=self._http.serve_forever, args=(0.02,), daemon=True).start()

    def close(self) -> None:
        self._http.shutdown()
        self._http.server_close()


def plain_asset(server: Server, content: bytes = WEIGHTS, digest: str | None = None) -> Asset:
    server.files["/tiny.bin"] = content
    return wheel_asset(
        None, sources=(Download(f"{server.url}/tiny.bin?download=1"),), files=(File("tiny.bin", digest or sha256(content)),)
    )
