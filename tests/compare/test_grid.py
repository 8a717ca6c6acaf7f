"""From a comparison to its runs and its folder: order, budgets, reuse, adding later, cancelling."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.compare.made import cards_of, done, expanded, spec_of
from tlcore.compare.cost import cost, to_measure, unpaced
from tlcore.compare.expand import expand
from tlcore.compare.folder import Begun, all_comparisons, create, open_comparison, same
from tlcore.compare.known import KnownRuns, identity
from tlcore.compare.pace import Paces, measure_spec
from tlcore.compare.spec import Budget, Cell, CompareSpec, Setting, images_per_class, of_runs, seeds_from
from tlcore.engine import LocalEngine
from tlcore.errors import RunNotFound, SpecError, ThawError
from tlcore.runs import all_runs
from tlcore.spec import RunSpec
from tlcore.strategies import preset
from tlcore.strategies.scope import Top
from tlcore.strategies.strategy import Strategy


@pytest.fixture
def engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> LocalEngine:
    monkeypatch.setattr(LocalEngine, "ensure_worker", lambda self: None)
    return LocalEngine(tmp_path)


def test_runs_differ_in_what_is_compared_and_in_nothing_else() -> None:
    spec = spec_of(run=RunSpec(dataset="digits", image_size=64, lr=3e-4), backbones=["resnet18"], budget=Budget(amount=7))
    runs = [spec.run_of(cell) for cell in expanded(spec).cells]
    assert len(runs) == spec.size == 6
    assert {(run.backbone, run.image_size, run.lr, run.epochs) for run in runs} == {("resnet18", 64, 3e-4, 7)}
    assert {(run.strategy.name, run.seed) for run in runs} == {
        (s, seed) for s in ("linear-probe", "full") for seed in (0, 1, 2)
    }


def test_a_recipe_runs_with_what_it_is_meant_with_but_for_the_budget_and_what_was_set() -> None:
    def run(**fields: object) -> RunSpec:
        spec = CompareSpec(
            datasets=["digits"],
            strategies=["linear-probe", "recipe-b"],
            budget=Budget(amount=3),
            run=RunSpec(dataset="digits", **fields),
        )
        return spec.run_of(Cell(spec.settings[0], "recipe-b", 0, 3))

    assert (run().lr, run().weight_decay, run().epochs) == (1e-4, 0.05, 3)
    assert (run(lr=0.02).lr, run(lr=0.02).weight_decay) == (0.02, 0.05)


def test_a_recipe_that_ran_at_another_rate_is_held_as_it_ran() -> None:
    specs = [RunSpec(dataset="digits", strategy=preset(name), epochs=3) for name in ("linear-probe", "recipe-b")]
    grid = of_runs(specs)
    assert grid.names == ("linear-probe", "recipe-b-as-set")
    held = [grid.run_of(Cell(grid.settings[0], name, 0, 3)) for name in grid.names]
    assert [identity(one) for one in held] == [identity(one) for one in specs]


def test_seed_by_seed_the_probe_first_and_what_shares_a_prefix_together() -> None:
    spec = spec_of(["full", "random-features", "linear-probe"], backbones=["resnet18", "tf_efficientnet_lite0"], seeds=[0, 1])
    order = [(cell.seed, cell.setting.backbone, cell.strategy) for cell in expanded(spec).cells]
    each = ["linear-probe", "random-features", "full"]
    assert order == [(s, b, n) for s in (0, 1) for b in ("resnet18", "tf_efficientnet_lite0") for n in each]


def test_a_strategy_that_cannot_run_is_left_out_by_name_and_the_others_run() -> None:
    found = expanded(spec_of(["linear-probe", "lp-ft"], budget=Budget(amount=1)))
    assert {cell.strategy for cell in found.cells} == {"linear-probe"}
    (left,) = found.left_out
    assert left.strategy == "lp-ft"
    assert "at least 2 epochs" in left.reason


def test_steps_become_epochs_by_the_images_there_are() -> None:
    spec = spec_of(budget=Budget(unit="steps", amount=100), images_per_class=[10, None])
    epochs = {cell.setting.images_per_class: cell.epochs for cell in expanded(spec).cells}
    assert epochs == {10: 25, None: 3}  # 100 images in 4 batches of 32; 1,257 in 40, and 2.5 rounds up


def test_seconds_become_epochs_by_the_pace_of_earlier_runs(tmp_path: Path) -> None:
    spec = spec_of(budget=Budget(unit="seconds", amount=30), seeds=[0])
    with pytest.raises(SpecError, match="needs the pace of linear-probe"):
        expand(spec, cards_of(spec), Paces(KnownRuns(tmp_path), cards_of(spec)))
    for name, seconds in (("linear-probe", 4.0), ("full", 40.0)):
        cell = Cell(Setting("digits", "tf_efficientnet_lite0", None), name, 9, 4)
        done(tmp_path, spec.run_of(cell), 0.9, seconds=seconds)  # 1 s and 10 s an epoch
    known = KnownRuns(tmp_path)
    found = expand(spec, cards_of(spec), Paces(known, cards_of(spec)))
    assert {cell.strategy: cell.epochs for cell in found.cells} == {"linear-probe": 30, "full": 3}
    assert unpaced(spec, Paces(known, cards_of(spec))) == []


def test_the_cost_is_what_is_missing_at_the_pace_of_what_is_there(tmp_path: Path) -> None:
    spec = spec_of(["linear-probe", "full"])
    cells = expanded(spec).cells
    probe = next(cell for cell in cells if cell.strategy == "linear-probe")
    done(tmp_path, spec.run_of(probe), 0.9, seconds=10.0)  # and 2 s around it
    known = KnownRuns(tmp_path)
    found = cost(spec, cells, known, Paces(known, cards_of(spec)))
    assert (found.runs, found.done, found.to_run, found.timed) == (6, 1, 5, 2)
    assert found.seconds == pytest.approx(2 * 12.0)
    assert [one.strategy.name for one in found.unknown] == ["full"]  # one measurement for three seeds
    (measurement,) = to_measure(found.unknown, cards_of(spec), known)
    assert (measurement.run.strategy.name, measurement.train_images) == ("full", 1257)


def test_runs_that_are_there_are_reused_by_what_they_do(tmp_path: Path, engine: LocalEngine) -> None:
    spec = spec_of()
    cells = expanded(spec).cells
    other_name = spec.run_of(cells[0]).strategy.model_copy(update={"name": "mine"})
    there = done(tmp_path, spec.run_of(cells[0]).model_copy(update={"strategy": other_name}), 0.9)
    waiting = engine.submit(spec.run_of(cells[1]))
    comparison = create(tmp_path, spec, expanded(spec))
    assert comparison.begin(engine) == Begun(reused=1, on_the_way=1, submitted=4)
    assert [entry.run_id for entry in comparison.read().entries][:2] == [there.id, waiting.id]
    assert comparison.begin(engine) == Begun()  # asked again, nothing is left to do
    assert len(list(all_runs(tmp_path))) == 6


def test_the_queue_gets_them_in_order_and_cancel_stops_the_rest(tmp_path: Path, engine: LocalEngine) -> None:
    spec = spec_of(seeds=[0])
    comparison = create(tmp_path, spec, expanded(spec))
    comparison.begin(engine)
    assert [run.spec().strategy.name for run in engine.queue()] == ["linear-probe", "full"]
    assert comparison.cancel(engine) == 2
    assert {run.status().state for run in all_runs(tmp_path)} == {"cancelled"}
    assert comparison.begin(engine).submitted == 2  # cancelled cells may be asked for again


def test_more_can_be_added_later_and_what_is_there_stays(tmp_path: Path, engine: LocalEngine) -> None:
    spec = spec_of(seeds=[0])
    comparison = create(tmp_path, spec, expanded(spec))
    comparison.begin(engine)
    before = {(e.cell.strategy, e.cell.seed): e.run_id for e in comparison.read().entries}
    more = spec.with_more(strategies=[preset("last-group")], seeds=[1])
    comparison.extend(more, expanded(more))
    assert comparison.begin(engine).submitted == 4
    after = {(e.cell.strategy, e.cell.seed): e.run_id for e in open_comparison(tmp_path, comparison.id).read().entries}
    assert len(after) == 6
    assert before.items() <= after.items()
    assert comparison.read().spec.names[:2] == spec.names  # places, and with them colours, stay


def test_a_folder_is_read_back_as_it_was_written(tmp_path: Path) -> None:
    spec = spec_of(["linear-probe", "lp-ft"], budget=Budget(amount=1), images_per_class=[10, None])
    comparison = create(tmp_path, spec, expanded(spec))
    read = comparison.read()
    assert read.spec == spec
    assert tuple(entry.cell for entry in read.entries) == expanded(spec).cells
    assert read.left_out == expanded(spec).left_out
    assert [one.id for one in all_comparisons(tmp_path)] == [comparison.id]


@pytest.mark.parametrize("name", ["../../etc", "x", "20261121T000000-digits-zzzz", "20261121T000000-digits-0000", ""])
def test_ids_from_a_url_never_leave_the_folder(tmp_path: Path, name: str) -> None:
    with pytest.raises(RunNotFound):
        open_comparison(tmp_path, name)


def test_a_comparison_of_nothing_is_refused_with_the_reason(tmp_path: Path) -> None:
    spec = spec_of(["lp-ft"], baseline="lp-ft", budget=Budget(amount=1))
    with pytest.raises(ThawError, match="at least 2 epochs"):
        create(tmp_path, spec, expanded(spec))


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"baseline": "last-group"}, "not among the strategies"),
        ({"strategies": ["no-such"]}, "There is no strategy named 'no-such'"),
        ({"seeds": []}, "at least 1 item"),
        ({"budget": {"unit": "steps", "amount": 1.5}}, "is whole"),
        ({"strategies": [Strategy(), Strategy(scope=Top(count=1))], "baseline": "custom"}, "Two different strategies"),
        ({"seeds": list(range(4000))}, "too many"),
        ({"backbones": ["resnet18", "resnet50"], "run": RunSpec(dataset="digits", weights="/x.safetensors")}, "one backbone"),
    ],
)
def test_what_makes_no_sense_is_refused_in_words(fields: dict, words: str) -> None:
    with pytest.raises(SpecError, match=words):
        spec_of(**fields)


@pytest.mark.parametrize("text", ["", "0", "-3", "many", "1.5", "²", "12345678"])
def test_a_number_of_images_is_a_whole_one_or_all(text: str) -> None:
    assert (images_per_class("7"), images_per_class("all")) == (7, None)
    with pytest.raises(SpecError, match="a whole number above 0, or the word all"):
        images_per_class(text)


def test_the_same_thing_twice_counts_once() -> None:
    assert spec_of(["linear-probe", "full", "full"], seeds=[1, 1, 0]).size == 4
    with pytest.raises(SpecError, match="at least 1 seed"):
        seeds_from(0)


def test_runs_from_the_list_make_the_smallest_grid_that_holds_them() -> None:
    one = RunSpec(dataset="digits", strategy="full", seed=1)
    custom = [Strategy(scope=Top(count=count)) for count in (1, 2)]
    specs = [one, *(one.model_copy(update={"strategy": strategy, "seed": 2}) for strategy in custom)]
    spec = of_runs(specs)
    assert isinstance(spec, CompareSpec)
    assert (spec.names, spec.seeds, spec.baseline) == (("full", "custom", "custom-2"), (1, 2), "full")
    made = {identity(spec.run_of(cell)) for cell in expanded(spec).cells}
    assert {identity(each) for each in specs} <= made
    with pytest.raises(SpecError, match="differ in epochs"):
        of_runs([one, one.model_copy(update={"epochs": 9})])


def test_a_lost_run_goes_on_and_the_same_comparison_is_found_again(tmp_path: Path, engine: LocalEngine) -> None:
    spec = spec_of(seeds=[0])
    comparison = create(tmp_path, spec, expanded(spec))
    comparison.begin(engine)
    run = engine.queue()[0]
    run.write_status(replace(run.written_status(), state="running"))  # and nobody holds its lock
    assert run.status().state == "lost"
    assert comparison.begin(engine).submitted == 1
    assert run.status().resume
    found = same(tmp_path, spec, expanded(spec))
    assert found is not None
    assert found.id == comparison.id
    assert same(tmp_path, spec_of(seeds=[1]), expanded(spec_of(seeds=[1]))) is None


def test_runs_that_each_had_what_they_are_meant_with_go_back_to_one_grid() -> None:
    spec = spec_of(["linear-probe", "recipe-b"], seeds=[0])
    runs = [spec.run_of(cell) for cell in expanded(spec).cells]
    assert [run.lr for run in runs] == [1e-3, 1e-4]
    assert spec.own("recipe-b")["lr"] == 1e-4
    assert spec.own("linear-probe") == {}
    again = of_runs(runs)
    assert again.names == ("linear-probe", "recipe-b")
    assert {identity(again.run_of(cell)) for cell in expanded(again).cells} == {identity(run) for run in runs}


def test_failed_runs_are_neither_reused_nor_counted(tmp_path: Path, engine: LocalEngine) -> None:
    spec = spec_of(seeds=[0])
    run = engine.submit(spec.run_of(expanded(spec).cells[0]))
    run.write_status(replace(run.written_status(), state="failed", error={"message": "No.", "next_step": ""}))
    assert KnownRuns(tmp_path).find(run.spec()) is None


def test_a_run_is_found_whatever_it_carries_as_long_as_it_carries_what_is_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ends = map("{:04x}".format, range(9))  # ids in the order of their making, within a second too
    monkeypatch.setattr("tlcore.runs.secrets.token_hex", lambda size: next(ends))
    plain = RunSpec(dataset="digits")
    asking = plain.model_copy(update={"source_probes": ("natural-photos", "imagenet-cifar10"), "source_images": 100})
    assert identity(plain) == identity(asking)
    there = done(tmp_path, asking, 0.9)
    known = KnownRuns(tmp_path)
    assert known.find(plain).run.id == there.id
    assert known.find(asking.model_copy(update={"source_probes": ("imagenet-cifar10",)})).run.id == there.id
    assert known.find(asking.model_copy(update={"source_images": 200})) is None, "other numbers"
    assert known.find(asking.model_copy(update={"source_probes": ("earlier-tasks",)})) is None, "nobody measured that"
    newer = done(tmp_path, plain, 0.9)
    assert KnownRuns(tmp_path).find(plain).run.id == newer.id
    assert KnownRuns(tmp_path).find(asking).run.id == there.id


def test_runs_that_ask_of_other_sources_are_compared_all_the_same_and_have_one_pace(tmp_path: Path) -> None:
    plain = RunSpec(dataset="digits", epochs=4)
    asking = plain.model_copy(update={"seed": 1, "source_probes": ("natural-photos",)})
    assert of_runs([plain, asking]).run.source_probes == ()
    assert of_runs([asking]).run.source_probes == ("natural-photos",)
    spec = spec_of()
    run = done(tmp_path, asking, 0.9, seconds=8.0)  # and 2 s around it, of which 1.5 were looks
    run.write_result(run.result() | {"source_seconds": 1.5})
    pace = Paces(KnownRuns(tmp_path), cards_of(spec)).of(plain)
    assert (pace.per_epoch, pace.around) == (2.0, pytest.approx(0.5))
    measured = [measure_spec(one, cards_of(spec)["digits"]) for one in (plain, asking)]
    assert measured[0] == measured[1]
