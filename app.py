"""The server: `streamlit run app.py`. The pages, the JSON route for live data, security headers, and a warm worker."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import streamlit as st
from starlette.middleware import Middleware

from pages.api import ROUTES
from pages.headers import SecurityHeaders
from tlcore.engine import LocalEngine
from tlcore.settings import runs_dir


@asynccontextmanager
async def lifespan(_app: st.App) -> AsyncIterator[None]:
    """Start the worker with the server, so that the first run finds it warm. It outlives both, by design."""
    await asyncio.to_thread(LocalEngine(runs_dir()).ensure_worker)
    yield


app = st.App("pages/frame.py", lifespan=lifespan, routes=ROUTES, middleware=[Middleware(SecurityHeaders)])
