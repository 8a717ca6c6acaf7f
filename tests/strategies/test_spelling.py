"""Which field was perhaps meant, in the command line's words and in those of a spec that is data."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tlcore.cli.main import main
from tlcore.errors import SpecError
from tlcore.spec import RunSpec, parse


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"epoch": 3}, "epoch: There is no field of this name (given: 3). Did you mean 'epochs'?"),
        ({"strategy": {"scop": {"kind": "all"}}}, "strategy.scop: There is no field of this name. Did you mean 'scope'?"),
        ({"strategy": {"scope": {"kind": "lora", "rnk": 3}}}, "(given: 3). Did you mean 'rank'?"),
        (
            {"strategy": {"scope": {"kind": "all", "rnk": 3}}},
            "scope.all.rnk: There is no field of this name (given: 3).",
        ),
        ({"strategy": {"pull": {"kind": "ewc", "strenght": 3}}}, "Did you mean 'strength'?"),
        ({"colour": "red"}, "colour: There is no field of this name (given: 'red')."),
    ],
)
def test_a_field_that_is_not_there(fields: dict, words: str):
    for make in (lambda: RunSpec(dataset="x", **fields), lambda: parse({"kind": "train", "dataset": "x"} | fields)):
        with pytest.raises(SpecError) as refused:
            make()
        assert words in refused.value.message
        assert ("Did you mean" in refused.value.message) is ("Did you mean" in words)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ("--epoch 3", "unrecognized arguments: --epoch 3. Did you mean --epochs?"),
        ("--imagesize=64", "Did you mean --image-size?"),
        ("more", "unrecognized arguments: more\n"),
        ("--strategy lora --set scop.rank=8", "named 'scop.rank'. Did you mean 'scope.rank'?"),
        ("--spec SPEC", "Did you mean 'weight_decay'?"),
    ],
)
def test_on_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str], options: str, words: str):
    spec = tmp_path / "spec.json"
    spec.write_text(json.dumps({"dataset": "digits", "weight_decey": 0.1}))
    try:
        code = main(["train", "--dataset", "digits", *options.replace("SPEC", str(spec)).split(" ")])
    except SystemExit as ended:
        code = ended.code
    assert code == 2
    assert words in capsys.readouterr().err
