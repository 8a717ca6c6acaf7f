"""The Train page with strategies that move a part of each group."""

from __future__ import annotations

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from tlcore.strategies import packages

FRAME = Path(__file__).resolve().parents[2] / "pages" / "frame.py"


def page(**query: str) -> AppTest:
    app = AppTest.from_file(str(FRAME), default_timeout=60).run()
    app.switch_page("train.py")
    for name, value in query.items():
        app.query_params[name] = value
    app = app.run()
    assert not app.exception
    return app


def said(app: AppTest) -> str:
    return "\n".join(str(element.value) for element in [*app.caption, *app.error]).replace("\\", "")


@pytest.mark.parametrize(
    ("strategy", "words"),
    [
        ("lora", ["new adapters in every group", "195,554 of 3,566,562 parameters move", "16 layers take no LoRA"]),
        ("norm-only", ["the scale and shift of the norm layers in every group", "54,826 of 3,383,818 parameters move"]),
        ("adapters", ["new adapters in every group"]),
    ],
)
def test_the_plan_says_what_moves_and_what_is_left_out(runs: Path, strategy: str, words: list[str]) -> None:
    text = said(page(dataset="digits", strategy=strategy))
    assert all(word in text for word in words), text


def test_qlora_without_its_package_cannot_be_started(runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packages, "find_spec", lambda name: None)
    app = page(dataset="digits", strategy="qlora")
    assert "QLoRA needs the package bitsandbytes" in said(app)
    (start,) = [button for button in app.button if button.label == "Start"]
    assert start.disabled
