"""The cut in words: each kind of way, what was measured, what it did; and the live view says the same."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from tlcore.figures.cut_words import did_sentence, error_in_words, format_sentence, solved, way_sentences

CUT_JS = Path(__file__).parents[2] / "pages" / "parts" / "cut.js"
KEPT = {
    "kind": "kept",
    "cut": "head",
    "views": 4,
    "bytes": 49_095_680,
    "reason": "Computed once, then read.",
    "solver": "lbfgs",
}
LAST = KEPT | {"cut": "stage 5", "views": 1, "bytes": 2_140_000_000, "solver": "steps"}
FRESH = KEPT | {"kind": "recomputed", "views": 0, "reason": "Fresh views were asked for.", "solver": "steps"}
WHOLE = {"kind": "whole", "cut": None, "views": 0, "bytes": 0, "reason": "From here all groups train.", "solver": "steps"}
LOWER, LOWEST = LAST | {"cut": "stage 4", "bytes": 10**9}, LAST | {"cut": "stage 3", "bytes": 10**9}
CUTS = [
    [LAST, LOWER],
    [KEPT, LAST, LOWER, LOWEST, WHOLE],
    [FRESH, LAST],
    [KEPT],
    [LAST],
    [FRESH],
    [WHOLE],
    [KEPT, WHOLE],
    [KEPT, LAST, LAST, WHOLE],
]


def cut(*ways: dict, **more: object) -> dict:
    return {"phases": list(ways), "prefix": None} | more


def result(ways: list[dict], passes: dict | None, epochs: tuple[int, ...] = (0, 0, 0, 0, 0)) -> dict:
    history = [{"phase": phase} for phase in epochs]
    images = {"train": 2144, "val": 375, "test": 638}
    return {"cut": cut(*ways, passes=passes), "data": {"images": images}, "history": history}


def test_a_kept_backbone_and_its_solved_head():
    (said,) = way_sentences(cut(KEPT))
    assert said.startswith(
        "The whole backbone is frozen: computed once for 4 augmented views of each picture and kept (49 MB)."
    )
    assert "L-BFGS" in said


def test_phases_that_go_the_same_way_share_a_sentence():
    said = way_sentences(cut(KEPT, LAST, LAST, WHOLE))
    assert [text.split(":")[0] for text in said] == ["Phase 1", "Phases 2 to 3", "Phase 4"]
    assert said[1] == "Phases 2 to 3: All below stage 5 is frozen: computed once for each picture and kept (2.1 GB)."
    assert said[2] == "Phase 4: From here all groups train."


def test_a_cut_that_moves_is_one_sentence():
    assert way_sentences(cut(LAST, LOWER)) == [
        "All below stage 5 and then stage 4 is frozen: computed once for each picture and kept (3.1 GB)."
    ]
    said = way_sentences(cut(KEPT, LAST, LOWER, LOWEST, WHOLE))
    assert said[1].startswith("Phases 2 to 4: All below the cut, which moves from stage 5 to stage 3, is frozen: computed once")
    assert said[1].endswith("(4.1 GB).")


def test_what_is_computed_again_says_why():
    assert way_sentences(cut(FRESH)) == [
        "The whole backbone is frozen and computed again in each epoch. Fresh views were asked for."
    ]


def test_the_number_format_with_its_error():
    measured = {"precision": "bfloat16", "seconds": {"float32": 0.0123, "bfloat16": 0.0041}, "error": 0.01234}
    assert format_sentence(cut(KEPT, prefix=measured)) == (
        "The frozen layers compute in bfloat16, the fastest of those timed here (bfloat16 4.1 ms, float32 12 ms a picture). "
        "Measured against the plain network in float32, that moves the logits by 1.2 % of their spread."
    )
    level = measured | {"precision": "float32", "seconds": {"float32": 0.0123, "bfloat16": 0.012}}
    assert "float32, as no other is a tenth faster here (bfloat16 12 ms" in format_sentence(cut(KEPT, prefix=level))
    alone = measured | {"precision": "float32", "seconds": {"float32": 0.0123}}
    assert "compute in float32, 12 ms a picture here." in format_sentence(cut(KEPT, prefix=alone))
    assert format_sentence(cut(WHOLE)) == ""
    estimated = format_sentence(cut(KEPT, prefix=measured | {"error": None}))
    assert estimated.endswith(" a picture). The error that this brings is measured when the run starts.")
    assert error_in_words(3.9e-6) == "less than 0.001 %"
    assert error_in_words(0.00004) == "0.004 %"


def test_what_the_cut_did_counts_the_passes():
    # 2144 x 4 + 375 + 638 = 9,589 needed; uncut 5 x (2144 + 375) + 638 = 13,233
    said = did_sentence(result([KEPT], {"needed": 9589, "computed": 9589, "seconds": 61.2}))
    assert said == (
        "The frozen layers had to see each of 2,144 training pictures in 4 views and "
        "each of 1,013 validation and test pictures once: 9,589 passes, computed in 1 min 1 s "
        "and kept for the next run. Without the cut it would have been 13,233 passes."
    )
    said = did_sentence(result([KEPT], {"needed": 9589, "computed": 0, "seconds": 0.0}))
    assert "The cache had all of them, so none was computed." in said
    said = did_sentence(result([KEPT], {"needed": 9589, "computed": 89, "seconds": 1.0}))
    assert "the cache had 9,500, the other 89 took 1.0 s." in said


def test_what_each_epoch_computed_anew_is_counted_too():
    said = did_sentence(result([FRESH], {"needed": 1013, "computed": 1013, "seconds": 6.3}))
    assert said == (
        "The frozen layers had to see each of 1,013 validation and test pictures once: 1,013 passes, computed in 6.3 s and "
        "kept for the next run. Without the cut it would have been 2,513 passes. The training pictures went through them "
        "in each epoch: 10,720 passes more."
    )


def test_only_the_epochs_that_were_cut_count_as_saved():
    said = did_sentence(result([KEPT, WHOLE], {"needed": 9589, "computed": 9589, "seconds": 60.0}, epochs=(0, 1)))
    assert "Without" not in said  # one cut epoch: 2,519 passes uncut, fewer than were computed
    assert did_sentence(result([WHOLE], None)) == ""
    assert did_sentence({}) == ""


def test_a_phase_that_is_solved_is_known():
    assert [solved(cut(KEPT, WHOLE), phase) for phase in range(3)] == [True, False, False]
    assert not solved(None, 0)


@pytest.mark.skipif(shutil.which("node") is None, reason="node is not installed")
def test_the_live_view_says_the_same(tmp_path):
    (tmp_path / "cut.mjs").write_text(CUT_JS.read_text())
    script = tmp_path / "run.mjs"
    cuts = [cut(*ways) for ways in CUTS]
    script.write_text(
        "import { waySentences, solved } from './cut.mjs';\n"
        f"console.log(JSON.stringify({json.dumps(cuts)}.map((cut) => [waySentences(cut), solved(cut, 0)])));"
    )
    told = json.loads(subprocess.run(["node", script], capture_output=True, text=True, check=True, timeout=60).stdout)
    assert told == [[way_sentences(one), solved(one, 0)] for one in cuts]


def test_the_format_of_the_steps_is_told_where_there_was_a_choice():
    timed = WHOLE | {"precision": "bfloat16", "timed": {"float32": 0.012, "bfloat16": 0.0041}}
    assert format_sentence(cut(timed, step_error=0.0123)) == (
        "What trains computes in bfloat16, as timed here (bfloat16 4.1 ms, float32 12 ms a picture and step). Against float32 "
        "that moves the whole network's logits by 1.2 % of their spread."
    )
    slower = timed | {"precision": "float32", "timed": {"float32": 0.02, "bfloat16": 0.03}}
    assert "in bfloat16 and float32, as timed here (float32 20 ms, bfloat16 30 ms" in format_sentence(cut(timed, slower))
    assert format_sentence(cut(WHOLE | {"precision": "float32", "timed": {}})) == ""
