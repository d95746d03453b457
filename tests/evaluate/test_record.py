"""The record of an evaluation is what scores write."""

import json
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints, is_typeddict

import pytest

from stages.evaluate.counted import count_photos
from stages.evaluate.record import EvaluationMetrics
from stages.evaluate.scores import evaluation_metrics, with_comparison
from tests.evaluate.example_evaluation import CLASSES, judged, twins_of
from tests.evaluate.example_evaluation_page import example_comparison


def fits(value: Any, kind: Any) -> bool:
    """Return whether a value of JSON is of a type, key by key."""
    arguments = get_args(kind)
    if is_typeddict(kind):
        hints = get_type_hints(kind)
        same = isinstance(value, dict) and value.keys() == hints.keys()
        return same and all(fits(value[key], hints[key]) for key in hints)
    if get_origin(kind) in (Union, UnionType):
        return any(fits(value, one) for one in arguments)
    if get_origin(kind) is Literal:
        return value in arguments
    if get_origin(kind) is list:
        return isinstance(value, list) and all(fits(item, arguments[0]) for item in value)
    if get_origin(kind) is dict:
        return all(isinstance(key, str) and fits(item, arguments[1]) for key, item in value.items())
    return type(value) in ((int, float) if kind is float else (kind,))


@pytest.mark.parametrize("count", [0, 1, 30])
def test_the_numbers_are_of_the_types_that_the_record_names(count: int) -> None:
    """Written as JSON and read again, every key is there, and of the type that the record says."""
    photos = [judged(f"{n}", predicted="owl" if n % 7 == 0 else "cat") for n in range(count)]
    counted = count_photos(photos, twins_of(photos), CLASSES, not_labelled=0, seen_known=False)
    metrics = evaluation_metrics(counted, CLASSES, 1.0, 0.8, 42)
    for written in (metrics, with_comparison(metrics, example_comparison(), "")):
        read = json.loads(json.dumps(written, allow_nan=False))
        assert fits(read, EvaluationMetrics)
    assert not fits(read | {"images": "1"}, EvaluationMetrics)
