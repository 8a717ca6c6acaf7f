"""The Start page with its guide, as a person sees it, and runs that ended as a test wants them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from streamlit.testing.v1 import AppTest

from pages.parts.dataset_choice import Choice
from pages.parts.guide_choice import ALL, Subject
from tlcore.data.catalogue import DATASETS
from tlcore.models.catalogue import BACKBONES
from tlcore.runs import Status, create
from tlcore.spec import AnySpec

FRAME = Path(__file__).parents[2] / "pages" / "frame.py"


def page(**query: str) -> AppTest:
    app = AppTest.from_file(str(FRAME), default_timeout=60)
    for name, value in query.items():
        app.query_params[name] = value
    app.run()
    assert not app.exception
    return app


def said(app: AppTest) -> str:
    assert not app.exception
    told = [*app.markdown, *app.caption, *app.info, *app.warning, *app.error]
    return "\n".join(str(element.value) for element in told).replace("\\", "")


def advised(app: AppTest) -> list[str]:
    return [b.key.removeprefix("guide-start-") for b in app.button if b.key and b.key.startswith("guide-start-")]


def control(app: AppTest, label: str) -> Any:
    return next(group for group in app.button_group if group.label == label)


def subject(dataset: str = "digits", backbone: str = "tf_efficientnet_lite0", labels: int = ALL) -> Subject:
    return Subject(Choice(dataset), DATASETS[dataset], BACKBONES[backbone], labels)


def ended(runs: Path, spec: AnySpec, result: dict | None = None, state: str = "done", **fields: Any) -> str:
    run = create(runs, spec)
    if result is not None:
        run.write_result(result)
    run.write_status(Status(state, queued_at=1.0, started_at=1.0, ended_at=2.0, **fields))
    return run.id
