"""The pages as a person drives them, under AppTest: open one by its link, read what it says, press a button."""

from __future__ import annotations

from pathlib import Path

from streamlit.testing.v1 import AppTest

FRAME = Path(__file__).parents[2] / "pages" / "frame.py"


def opened(page: str, *, timeout: float = 60, **query: str) -> AppTest:
    """A page of the frame, with the words of its link."""
    app = AppTest.from_file(str(FRAME), default_timeout=timeout).run()
    app.switch_page(page)
    for name, value in query.items():
        app.query_params[name] = value
    return app.run()


def said(app: AppTest) -> str:
    """All its sentences, without the signs that keep Markdown from reading what people wrote."""
    assert not app.exception
    headings = [*app.title, *app.header, *app.subheader]
    texts = [*app.markdown, *app.caption, *app.info, *app.success, *app.warning, *app.error]
    return "\n".join(str(element.value) for element in [*headings, *texts]).replace("\\", "")


def press(app: AppTest, label: str) -> AppTest:
    """Press the button that says exactly this."""
    next(button for button in app.button if button.label == label).click()
    return app.run()
