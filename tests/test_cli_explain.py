"""The command explain on a real run: what it prints, what it writes, what it refuses."""

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from safetensors.numpy import load_file

from tlcore.cli.explain import shown
from tlcore.cli.main import main
from tlcore.data.arriving import kept
from tlcore.errors import DataError
from tlcore.explain.looks import FORMAT
from tlcore.runs import Run, all_runs

TRAIN = "--dataset digits --backbone mobilenetv3_small_100 --strategy from-scratch --epochs 1 --image-size 64"
NUMBERS = {"prediction", "probability", "calibrated", "prediction_set", "out_of_distribution"}


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("THAW_CACHE_DIR", str(tmp_path_factory.getbasetemp() / "thaw-cache"))
        folder = tmp_path_factory.mktemp("runs")
        assert main(["train", *TRAIN.split(), "--images-per-class", "6", "--runs-dir", str(folder)]) == 0
        yield next(iter(all_runs(folder)))


def _asked(run: Run, capsys: pytest.CaptureFixture[str], *options: str) -> tuple[int, str, str]:
    capsys.readouterr()
    code = main(["explain", "--runs-dir", str(run.path.parent), "--run", run.id, *options])
    told = capsys.readouterr()
    return code, told.out, told.err


def test_a_split_is_explained_and_drawn(run, capsys, tmp_path):
    options = ("--each", "1", "--belief-images", "8", "--out", str(tmp_path / "maps"), "--json")
    code, out, _ = _asked(run, capsys, *options)
    told = json.loads(out.splitlines()[-1])
    assert code == 0
    assert told.keys() >= NUMBERS | {"lung_share", "deletion_auc", "insertion_auc", "maps", "images"}
    assert 0 < told["deletion_auc"]["value"] < 1
    assert told["lung_share"] is None
    assert "Nobody drew" in told["why"]["inside"]
    drawn = [Path(file) for file in told["files"] if file.endswith(".png")]
    assert len(drawn) == 2 * len(told["images"])  # by the run, and as it started
    with Image.open(drawn[0]) as picture:
        assert run.id in picture.text["Description"]
    with np.load(tmp_path / "maps" / "maps.npz") as maps:
        assert set(maps) == {one["key"] for one in told["maps"]}


def test_a_picture_of_ones_own_is_answered_calibrated(run, capsys, tmp_path):
    picture = tmp_path / "Jane Doe.png"
    Image.fromarray(np.tile(np.arange(64, dtype=np.uint8) * 4, (64, 1))).save(picture)
    code, out, _ = _asked(run, capsys, "--image", str(picture), "--json", "--out", str(tmp_path / "maps"))
    told = json.loads(out.splitlines()[-1])
    assert code == 0
    assert told["prediction"] in told["classes"]
    assert 0 <= told["calibrated"] <= 1
    assert told["prediction"] in told["prediction_set"]
    assert isinstance(told["out_of_distribution"]["unlike"], bool)
    assert 0 < told["deletion_auc"]["value"] < 1
    assert told["deletion_auc"]["low"] is None
    assert "Jane" not in json.dumps({name: value for name, value in told.items() if name != "files"})
    code, out, _ = _asked(run, capsys, "--image", str(picture))
    assert code == 0
    assert "It answers" in out
    assert "not for clinical decisions" in out


def test_a_picture_can_be_forgotten_here_too(run, capsys, tmp_path):
    picture = tmp_path / "one.png"
    Image.fromarray(np.tile(np.arange(64, dtype=np.uint8) * 3, (64, 1))).save(picture)
    code, out, err = _asked(run, capsys, "--image", str(picture), "--json")
    assert code == 0
    told = json.loads(out.splitlines()[-1])
    digest, job = told["picture"]["sha256"], run.path.parent / told["run_id"]
    assert f"python -m tlcore forget {digest}" in err
    assert kept(digest).is_file()
    forget = ["forget", digest, "--runs-dir", str(run.path.parent)]
    assert main(forget) == 0
    assert "forgotten, and 1 answer about it" in capsys.readouterr().out
    assert not job.exists()
    with pytest.raises(DataError):
        kept(digest)
    assert main(forget) == 2
    assert "There is nothing to do" in capsys.readouterr().err
    assert main(["forget", "../runs", "--runs-dir", str(run.path.parent)]) == 2
    assert "no picture's digest" in capsys.readouterr().err


def test_the_network_goes_to_a_file_that_is_named(run, capsys, tmp_path):
    asked = ["export", "--runs-dir", str(run.path.parent), "--run", run.id, "--out", str(tmp_path / "mine")]
    assert main(asked) == 0
    told = capsys.readouterr().out
    file = tmp_path / "mine" / "model.safetensors"
    assert f"Written: {file}" in told
    assert "timm.create_model(" in told
    assert set(load_file(file))  # plain tensors by name
    assert main([*asked[:-1], str(file)]) == 2  # a file stands where the folder should be
    assert "cannot be written" in capsys.readouterr().err
    assert main(["export", "--runs-dir", str(run.path.parent)]) == 2
    assert "No run was named" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (("--method", "heatmap"), "gradcam"),
        (("--layer", "attic"), "no layer group named 'attic'"),
        (("--image", "nowhere.png"), "cannot be opened"),
        (("--image", "x.png", "--split", "test"), "two kinds of images"),
        (("--target", "cat"), "no class of this run named 'cat'"),
        (("--beside", "not-a-run"), "not-a-run"),
        (("--epochs",), "kept the weights of its best epoch alone"),
    ],
)
def test_what_is_asked_wrongly_ends_in_one_sentence(run, capsys, options, sentence):
    code, out, err = _asked(run, capsys, *options)
    assert code in (1, 2)
    assert sentence in err
    assert "Traceback" not in err + out


def test_what_another_version_told_is_not_read_as_if_this_one_had():
    assert "explain it again" in shown({"run": "RUN", "format": FORMAT - 1})


def test_a_hostile_picture_ends_in_one_sentence_and_nothing_is_kept(run, capsys, tmp_path):
    hostile = tmp_path / "x.png"
    hostile.write_bytes(b"\x89PNG\r\n\x1a\n" + b"<script>alert(1)</script>" * 40)
    code, _, err = _asked(run, capsys, "--image", str(hostile))
    assert code in (1, 2)
    assert "Traceback" not in err
    assert "<script>" not in err
