"""A column of a table that may name objects, people or scenes is a hint."""

from collections.abc import Callable
from pathlib import Path

import pytest

from stages.labels.csv_table import parse_table
from stages.labels.group_columns import group_hints
from tests.example_rule import example_rule


def hints(value: Callable[[int], str], count: int = 120, column: str = "bin") -> list[str]:
    """Return the hints about a column beside a label of four classes."""
    rows = "".join(f"{n}.jpg,{'abcd'[n % 4]},{value(n)}\n" for n in range(count))
    table = parse_table(Path("t.csv"), f"path,label,{column}\n{rows}", ",")
    return list(group_hints(table, example_rule(by="csv")))


def test_a_column_whose_values_repeat_is_named_with_both_params() -> None:
    """The line says how many values there are, the first of them, and what to set."""
    (hint,) = hints(lambda n: f"bin{n // 8:02}")
    assert hint == (
        "datablock.split.group: 'bin' has 15 values in 120 rows ('bin00', 'bin01', 'bin02',"
        " ...); if each is one object, person or scene, ingest.label.group_column: bin with"
        " datablock.split.group: column keeps it on one side, unless folders or a column say the"
        " sides (docs/splits.md, photos that belong together)"
    )


def test_labels_from_elsewhere_are_compared_with_the_columns() -> None:
    """For labels of folders every column may be of groups but what says the same as the folder."""
    rows = "".join(f"{'ab'[n % 2]}/{n}.jpg,{'ab'[n % 2]}x,p{n // 8}\n" for n in range(120))
    table = parse_table(Path("t.csv"), f"path,case,patient\n{rows}", ",")
    labels = {f"{'ab'[n % 2]}/{n}.jpg": "ab"[n % 2] for n in range(120)}
    (hint,) = group_hints(table, example_rule(by="folder", csv="t.csv"), labels)
    assert hint.startswith("datablock.split.group: 'patient' has 15 values in 120 rows")
    end = "the table is read with ingest.label.csv: t.csv, path_column: path and delimiter: ','"
    assert hint.endswith(end)


@pytest.mark.parametrize(
    "value",
    [
        lambda n: f"bin{n // 24}",
        lambda n: f"photo {n}",
        lambda n: str(n // 8),
        lambda n: f"{n // 8}.5",
        lambda _: "",
        lambda n: f"number of {'abcd'[n % 4]}",
    ],
    ids=["five values", "one for each", "numbers", "measures", "empty", "as the label"],
)
def test_other_columns_are_no_hint(value: Callable[[int], str]) -> None:
    """Few values, a value for each photo, numbers, and what follows from the label are none."""
    assert hints(value) == []


@pytest.mark.parametrize(
    "column",
    ["patient", "PatientID", "patientIDs", "product_no", "Szene", "scenes", "case_id", "tree 2"],
)
def test_a_column_that_is_named_so_may_have_few_values_or_numbers(column: str) -> None:
    """From two values on a column of patients, products or scenes is a hint, also of numbers."""
    (words,) = hints(lambda n: f"p{n // 60}", column=column)
    assert f"{column!r} has 2 values in 120 rows ('p0', 'p1'); if each" in words
    (numbers,) = hints(lambda n: str(n // 24), column=column)
    assert f"{column!r} has 5 values in 120 rows ('0', '1', '2', ...)" in numbers
    assert hints(lambda _: "one", column=column) == []
    assert hints(lambda n: "abcd"[n % 4], column=column) == []


def test_a_column_that_is_named_so_goes_first() -> None:
    """Of two columns that may be groups the hint is about that whose name says so."""
    rows = "".join(f"{n}.jpg,{'abcd'[n % 4]},b{n // 8},p{n // 20}\n" for n in range(120))
    table = parse_table(Path("t.csv"), f"path,label,bin,patient\n{rows}", ",")
    (hint,) = group_hints(table, example_rule(by="csv"))
    assert "'patient' has 6 values" in hint


@pytest.mark.parametrize(
    "column",
    ["age_group", "slot_no", "street_type", "website", "pilot", "composite", "SlotNo", "tree_type"],
)
def test_a_word_inside_another_names_no_groups(column: str) -> None:
    """A lot is not in pilot or slot, a site not in website, and a group of ages is no person."""
    assert hints(lambda n: f"p{n // 60}", column=column) == []
    assert hints(lambda n: str(n // 8), column=column) == []


def test_each_column_that_is_named_so_is_a_hint() -> None:
    """Two such columns are two hints, first those with ten values or more, since few say less."""
    rows = "".join(f"{n}.jpg,{'abcd'[n % 4]},s{n // 60},c{n // 8},b{n // 8}\n" for n in range(120))
    table = parse_table(Path("t.csv"), f"path,label,site,case_id,bin\n{rows}", ",")
    found = list(group_hints(table, example_rule(by="csv")))
    assert ["'case_id' has 15" in found[0], "'site' has 2" in found[1]] == [True, True]
    assert len(found) == 2


def test_a_value_that_follows_from_the_label_is_no_hint() -> None:
    """Names of 12 classes beside their numbers are the same thing twice."""
    rows = "".join(f"{n}.jpg,{n % 12},class {n % 12}\n" for n in range(120))
    table = parse_table(Path("t.csv"), f"path,label,name\n{rows}", ",")
    assert list(group_hints(table, example_rule(by="csv"))) == []


def test_columns_of_one_name_are_passed_over() -> None:
    """Two columns of the same name are neither read nor named."""
    rows = "".join(f"{n}.jpg,{'ab'[n % 2]},p{n // 8},p{n // 8}\n" for n in range(120))
    table = parse_table(Path("t.csv"), f"path,label,place,place\n{rows}", ",")
    assert list(group_hints(table, example_rule(by="csv"))) == []
