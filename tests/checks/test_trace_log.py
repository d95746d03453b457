"""The log records what each step gave, and names the images for which a step fails."""

import json
from collections.abc import Callable
from dataclasses import asdict

import numpy as np
import pytest
import torch
from torch import Tensor

from stages.base.errors import UserError
from stages.checks.trace_log import TraceLog, TraceStep, TraceStopped, trace_text


def log_of(*paths: str) -> TraceLog:
    """Return a log with these images in the batch."""
    log = TraceLog()
    log.paths = list(paths)
    return log


def failing_for(row: int, error: Exception) -> Callable[[np.ndarray], np.ndarray]:
    """Return a step that fails whenever a certain row takes part."""

    def compute(rows: np.ndarray) -> np.ndarray:
        if row in rows:
            raise error
        return rows

    return compute


def test_a_step_gets_all_rows_and_its_output_comes_back() -> None:
    """A step that works is computed once for the whole batch, and its value is returned as is."""
    calls: list[list[int]] = []

    def compute(rows: np.ndarray) -> Tensor:
        calls.append(rows.tolist())
        return torch.from_numpy(rows * 0.5).float()

    log = log_of("a", "b", "c")
    values = log.run("halve", compute, "halves")
    assert values.tolist() == [0.0, 0.5, 1.0]
    assert calls == [[0, 1, 2]]
    assert log.steps == [
        TraceStep(
            step="halve", shape=[3], dtype="float32", min=0.0, max=1.0, mean=0.5, note="halves"
        )
    ]
    assert log.findings == []


def test_a_note_may_be_made_from_the_output() -> None:
    """A note that is a function gets the value of the step."""
    log = log_of("a", "b")
    log.run("sum", lambda rows: rows + 1, lambda values: f"sum {values.sum()}")
    assert log.steps[0].note == "sum 3"


def test_the_range_has_four_digits() -> None:
    """Least, largest and mean are rounded to four significant digits."""
    log = TraceLog()
    log.record("x", np.array([1.234567, -20.00049, 123456.0]), "")
    step = log.steps[0]
    assert (step.min, step.max, step.mean) == (-20.0, 123500.0, 41150.0)


def test_numbers_that_are_not_finite_are_left_out_of_the_range() -> None:
    """The range is that of the finite numbers; without any there is none, and JSON stays valid."""
    log = TraceLog()
    log.record("some", np.array([np.nan, 2.0, np.inf, 4.0]), "")
    log.record("none", np.array([np.nan]), "")
    log.record("empty", np.zeros(0, np.int64), "")
    ranges = [(step.min, step.max, step.mean) for step in log.steps]
    assert ranges == [(2.0, 4.0, 3.0), (None, None, None), (None, None, None)]
    json.dumps([asdict(step) for step in log.steps], allow_nan=False)


def test_a_shape_may_be_given() -> None:
    """Numbers that were joined for their range are recorded with the shape that they stand for."""
    log = TraceLog()
    log.record("decode", np.zeros(300, np.uint8), "", shape=[8])
    assert (log.steps[0].shape, log.steps[0].dtype) == ([8], "uint8")


def test_a_failing_image_is_named_alone() -> None:
    """When one image makes a step fail, the finding names that image, and no step is recorded."""
    log = log_of("a", "b", "c")
    with pytest.raises(TraceStopped):
        log.run("pad", failing_for(1, ValueError("too\n large")))
    (finding,) = log.findings
    assert (finding.severity, finding.check, finding.paths) == ("error", "batch_pad", ("b",))
    assert finding.message == (
        "the step 'pad' of the first batch fails for b (ValueError: too large)"
    )
    assert log.steps == []


def test_all_images_are_named_when_no_single_one_fails() -> None:
    """A step that fails only for the images together names them all."""
    log = log_of("a", "b")

    def together(rows: np.ndarray) -> np.ndarray:
        if len(rows) > 1:
            raise MemoryError("too many")
        return rows

    with pytest.raises(TraceStopped):
        log.run("pad", together)
    assert log.findings[0].paths == ("a", "b")
    assert log.steps == []


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("shape", [(3,), (3, 2), (3, 2, 2)])
def test_images_with_numbers_that_are_not_finite_are_named(
    value: float, shape: tuple[int, ...]
) -> None:
    """A single NaN or infinity anywhere in an image's output is an error; the step is recorded."""
    numbers = np.zeros(shape)
    numbers[(1, *(-1 for _ in shape[1:]))] = value
    log = log_of("a", "b", "c")
    with pytest.raises(TraceStopped):
        log.run("forward", lambda rows: numbers[rows])
    (finding,) = log.findings
    assert (finding.check, finding.paths) == ("batch_forward", ("b",))
    assert "not finite" in finding.message
    assert [step.step for step in log.steps] == ["forward"]


def test_a_users_mistake_is_shown_without_its_kind() -> None:
    """A UserError is a message for people already; other errors come with their kind."""
    log = TraceLog()
    log.record_failure("decode", UserError("a.jpg is damaged"), ["a.jpg"])
    log.record_failure("decode", KeyError("b"), ["b.jpg"])
    assert [finding.message.partition(" for ")[2] for finding in log.findings] == [
        "a.jpg (a.jpg is damaged)",
        "b.jpg (KeyError: 'b')",
    ]


@pytest.mark.parametrize(("count", "names"), [(1, "0"), (3, "0, 1, 2"), (4, "0, 1, 2 and 1 more")])
def test_a_message_shows_three_names(count: int, names: str) -> None:
    """The message shows three images and how many more there are; the finding has all paths."""
    log = TraceLog()
    paths = [str(number) for number in range(count)]
    log.record_failure("loss", ValueError("no"), paths)
    assert f"fails for {names} (ValueError: no)" in log.findings[0].message
    assert log.findings[0].paths == tuple(paths)


def test_steps_make_a_table() -> None:
    """The text holds each step with its shape, range and remark, and no trailing spaces."""
    steps = [
        TraceStep(step="collect", shape=[12], dtype="path", note="a ... b"),
        TraceStep(
            step="resample",
            shape=[8, 3, 32, 32],
            dtype="float32",
            min=0.0,
            max=1.0,
            mean=0.12345678,
            note="bilinear",
        ),
    ]
    for_whom, _, title, blank, _, first, second = trace_text(steps).splitlines()
    assert "pipeline" in for_whom
    assert (title, blank) == ("The first batch, step by step", "")
    assert first.split() == ["collect", "12", "path", "a", "...", "b"]
    assert second.split() == ["resample", "8×3×32×32", "float32", "0", "1", "0.1235", "bilinear"]
