import pytest

from tlcore.figures.confusion import confusion_matrix
from tlcore.figures.curves import loss_curves, loss_reading, metric_curve, metric_reading
from tlcore.figures.depth import drift_by_group
from tlcore.figures.fold import fold
from tlcore.figures.style import escaped, modebar
from tlcore.groups import Group
from tlcore.strategies import compile_plan, preset

GROUPS = (
    Group("stem", "bottom", 1000),
    Group("stage 1", "middle", 2000),
    Group("stage 2", "top", 6500),
    Group("head", "head", 500),
)
MARKUP = "<img src=x>"


def epoch(number: int, loss: float, accuracy: float) -> dict:
    val = {"loss": loss, "accuracy": accuracy, "auroc": None}
    train = {"loss": loss, "accuracy": accuracy}
    return {"type": "epoch", "epoch": number, "step": 10 * (number + 1), "phase": 0, "train": train, "val": val}


def run(*epochs: dict, strategy: str = "linear-probe"):
    plan = compile_plan(preset(strategy), GROUPS, epochs=max(2, len(epochs)), lr=1e-3).as_dict()
    told = {"type": "plan", "plan": plan, "steps_per_epoch": 10, "steps": 20, "majority_baseline": 0.625, "classes": ["a", "b"]}
    steps = [{"type": "step", "step": i + 1, "epoch": i // 10, "loss": 1 / (i + 1)} for i in range(10 * len(epochs))]
    return fold([told, *steps, *epochs])


def test_the_loss_reading_follows_the_validation_loss():
    falls = [epoch(0, 0.5, 0.7), epoch(1, 0.4, 0.8)]
    assert loss_reading(falls) == "The validation loss falls from 0.500 to 0.400 and is lowest at the end."
    turns = [*falls, epoch(2, 0.45, 0.8)]
    assert loss_reading(turns) == "The validation loss falls from 0.500 to 0.400 in epoch 2 and ends at 0.450."
    rises = [epoch(0, 0.3, 0.7), epoch(1, 0.4, 0.8)]
    assert loss_reading(rises) == "The validation loss is lowest after the first epoch (0.300) and ends at 0.400."
    assert loss_reading([]) == "No epoch has ended, so there is no validation loss."


def test_the_metric_reading_names_the_best_epoch_and_the_baseline():
    epochs = [epoch(0, 0.5, 0.7), epoch(1, 0.4, 0.8), epoch(2, 0.4, 0.75)]
    assert metric_reading(epochs, "accuracy", 0.625) == (
        "Accuracy on the validation split is best in epoch 2: 80.0 %, 17.5 points above the baseline. It ends at 75.0 %."
    )
    assert metric_reading(epochs, "auroc", 0.5) == "AUROC is not defined on this validation split."


def test_auroc_is_a_number_and_never_a_percentage():
    epochs = [{"epoch": 0, "val": {"auroc": 0.9731}}, {"epoch": 1, "val": {"auroc": 0.9704}}]
    said = "AUROC on the validation split is best in epoch 1: 0.973, 0.473 above the baseline. It ends at 0.970."
    assert metric_reading(epochs, "auroc", 0.5) == said


def test_curves_are_in_epochs_and_percent():
    known = run(epoch(0, 0.5, 0.7), epoch(1, 0.4, 0.8))
    loss, _ = loss_curves(known)
    validation = next(trace for trace in loss.data if trace.name == "validation")
    assert (list(validation.x), list(validation.y)) == ([1.0, 2.0], [0.5, 0.4])
    assert loss.data[0].x[9] == 1.0  # the tenth step ends the first epoch
    accuracy, reading = metric_curve(known, "accuracy")
    assert list(accuracy.data[1].y) == [70.0, 80.0]
    assert accuracy.layout.shapes[0].y0 == 62.5
    assert "17.5 points above" in reading


def test_the_confusion_matrix_has_counts_and_shares_of_rows_and_no_markup():
    chart, reading = confusion_matrix([[6, 2], [1, 11]], [MARKUP, "dog"])
    assert [list(row) for row in chart.data[0].z] == [[75.0, 25.0], [pytest.approx(100 / 12), pytest.approx(1100 / 12)]]
    assert chart.layout.annotations[0].text == "6<br>75 %"
    assert (
        reading
        == f"3 of 20 test images are wrong. The most frequent mix-up: 2 of 8 images of {MARKUP!r} (25 %) are taken for 'dog'."
    )
    assert MARKUP not in chart.to_json().replace("\\u003c", "<").replace("\\u003e", ">")
    assert confusion_matrix([[3, 0], [0, 2]], ["a", "b"])[1] == "All 5 test images are named rightly."


def test_an_empty_row_of_the_confusion_matrix_is_no_division_by_zero():
    chart, _ = confusion_matrix([[0, 0], [1, 2]], ["a", "b"])
    assert list(chart.data[0].z[0]) == [0.0, 0.0]


def test_a_crowded_confusion_matrix_shows_counts_alone_and_no_zeros():
    matrix = [[3 if i == j else 0 for j in range(7)] for i in range(7)]
    chart, _ = confusion_matrix(matrix, list("abcdefg"))
    assert [note.text for note in chart.layout.annotations[:2]] == ["3", ""]


def test_drift_stands_on_the_stack():
    plan = compile_plan(preset("top-two-groups"), GROUPS, epochs=1, lr=1e-3)
    chart, reading = drift_by_group(plan, {"stem": 0.0, "stage 1": 0.01, "stage 2": 0.02, "head": 0.8})
    assert chart is not None
    assert list(chart.data[0].x) == [1, 2]  # not the head
    assert list(chart.data[0].y) == pytest.approx([1.0, 2.0])
    assert chart.layout.shapes[0].fillcolor == "rgba(58,134,200,0.22)"  # the stem's slab is ice
    assert reading == (
        "Of the backbone, stage 2 moved the most: by 2.00 % of its weights' size. The least of those that trained: stage 1 "
        "(1.00 %). Not moved at all: stem. The head is the task's own, so it is left out."
    )
    figure, nothing = drift_by_group(plan, {"head": 0.8})
    assert figure is None
    assert nothing.startswith("No weight of the backbone moved: all 3 groups are what they were before.")


def test_names_cannot_become_markup_in_plotly():
    assert escaped("<b>&$x$</b>") == "&lt;b&gt;&amp;&#36;x&#36;&lt;/b&gt;"
    assert modebar("x", "svg")["toImageButtonOptions"]["format"] == "svg"
