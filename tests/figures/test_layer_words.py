"""The words for the layers' numbers: every number has its own, and they say what they must."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tlcore.analysis.moved import OWN, PAIRED
from tlcore.figures.layer_words import MOVES, SCORES, SCORES_CAVEAT


def test_every_quantity_has_words() -> None:
    assert list(SCORES) == ["probe", "logme", "hscore", "leep", "nce", "cka"]
    assert set(MOVES) == {*PAIRED, *OWN}


@pytest.mark.parametrize("name", [*SCORES, *MOVES])
def test_each_is_plain_sentences(name: str) -> None:
    title, words = (SCORES | MOVES)[name]
    assert title[0].isupper()
    assert words[0].isupper()
    assert words.endswith(".")
    assert len(words) < 220
    assert "  " not in words


def test_the_caveat_names_its_source_and_what_to_trust() -> None:
    assert "none of seven" in SCORES_CAVEAT
    assert "Chaves et al. 2023" in SCORES_CAVEAT
    assert "trust the measured probe" in SCORES_CAVEAT


def test_a_page_can_have_them_without_torch() -> None:
    script = "import sys, tlcore.figures.layer_words; print('torch' in sys.modules or 'numpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout.strip() == "False"
