"""The JSON routes: live data for the browser's own scripts. They read folders of runs and never change them.

GET /api/runs/{id}/events?since=n answers {"next", "events", "state", "place", "waits_for", "error"}. `since` is 0 at first and
then the last answer's `next`; of a waiting run `place` is that in the queue (1 is next) and `waits_for` a sentence where
another run has to end first, each else null. Errors are {"error": {message, next_step}} with 400 or 404.

GET /api/runs/{id}/thumbnails answers the small copies of a layers run's images, all in one JPEG.
"""

from __future__ import annotations

from functools import cache

from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Route

from pages.feed import Feeds
from tlcore.errors import RunNotFound, SpecError, ThawError
from tlcore.runs import open_run
from tlcore.settings import runs_dir

_NO_STORE = {"Cache-Control": "no-store"}
_LARGEST = 2**53  # what a browser's numbers hold exactly


@cache
def feeds() -> Feeds:
    return Feeds(runs_dir())


def events(request: Request) -> Response:
    """What a run has reported since the last answer. A plain function: it runs in a thread, off the server's loop."""
    try:
        since = _number(request.query_params.get("since", "0"))
        answer = feeds().answer(request.path_params["run_id"], since)
    except RunNotFound as error:
        return _refusal(error, 404)
    except ThawError as error:
        return _refusal(error, 400)
    return Response(answer, media_type="application/json", headers=_NO_STORE)


def thumbnails(request: Request) -> Response:
    """A run's small images. They may be a patient's: no cache keeps them."""
    try:
        file = open_run(runs_dir(), request.path_params["run_id"]).path / "thumbnails.jpg"
        if not file.is_file():
            raise RunNotFound("This run kept no small images.", next_step="Ask the layers again to have them.")
    except RunNotFound as error:
        return _refusal(error, 404)
    return FileResponse(file, media_type="image/jpeg", headers=_NO_STORE)


def _number(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 16 and int(text) <= _LARGEST):
        raise SpecError("since must be a whole number of 0 or more.", next_step="Leave it out to get everything.")
    return int(text)


def _refusal(error: ThawError, code: int) -> Response:
    return JSONResponse({"error": error.as_dict()}, status_code=code, headers=_NO_STORE)


ROUTES = [
    Route("/api/runs/{run_id}/events", events, methods=["GET"]),
    Route("/api/runs/{run_id}/thumbnails", thumbnails, methods=["GET"]),
]
