"""The server: `streamlit run app.py`. The pages, the JSON route for live data, security headers, and a warm worker."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import streamlit as st
from starlette.middleware import Middleware
from starlette.responses import RedirectResponse
from starlette.routing import Route

from pages.api import ROUTES
from pages.headers import SecurityHeaders
from tlcore.engine import LocalEngine
from tlcore.settings import runs_dir


@asynccontextmanager
async def lifespan(_app: st.App) -> AsyncIterator[None]:
    """Start the worker with the server, so that the first run finds it warm. It outlives both, by design."""
    await asyncio.to_thread(LocalEngine(runs_dir()).ensure_worker)
    yield


# The first page's address is the server's own: /start, as the others are called, leads there.
START = Route("/start", lambda _request: RedirectResponse("/"), methods=["GET"])

app = st.App("pages/frame.py", lifespan=lifespan, routes=[START, *ROUTES], middleware=[Middleware(SecurityHeaders)])
