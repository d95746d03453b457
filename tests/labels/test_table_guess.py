"""Columns of a table that may be the labels: each is proposed, and params.yaml is respected."""

from pathlib import Path

import pytest

from stages.labels.csv_table import parse_table
from stages.labels.labels import PhotoLabels
from stages.labels.proposal import Proposal
from stages.labels.table_guess import hints_of_table, table_guesses
from tests.example_rule import example_rule

PHOTOS = [f"pictures/P{number:03}.jpg" for number in range(120)]
# Three kinds, 12 places, and a number for each photo.
WASTE = "Datei;Art;Ort;Gramm\n" + "".join(
    f"P{n:03}.jpg;{('glass', 'metal', 'paper')[n % 3]};bin{n % 12};{n}\n" for n in range(120)
)


def guesses(text: str, **params: str) -> list[Proposal | str]:
    """Return what a table makes of PHOTOS, with some params changed."""
    table = parse_table(Path("list.csv"), text, ",")
    return list(table_guesses(PHOTOS, table, example_rule(**params)))


def columns(text: str, **params: str) -> list[str]:
    """Return the label columns that are proposed."""
    found = [one for one in guesses(text, **params) if isinstance(one, Proposal)]
    return [one.rule.label_column for one in found]


def test_each_column_that_repeats_is_proposed() -> None:
    """Words go before numbered places, and what is different for each photo is no class."""
    first, second = guesses(WASTE)
    assert isinstance(first, Proposal)
    assert isinstance(second, Proposal)
    assert (first.rule.label_column, first.place) == ("Art", 0)
    assert (second.rule.label_column, second.place) == ("Ort", 1)
    assert (first.rule.path_column, first.rule.delimiter) == ("Datei", ";")
    assert len(first.labels.labels) == len(PHOTOS)


def test_a_table_hints_at_groups_of_labels_from_elsewhere() -> None:
    """For labels by name the columns of a table may be groups; one of other photos says nothing."""
    labels = PhotoLabels({path: "ab"[at % 2] for at, path in enumerate(PHOTOS)})
    rule = example_rule()
    named = Proposal(way="name", rule=rule, split="hash", labels=labels, share=1.0)
    (hint,) = hints_of_table(parse_table(Path("list.csv"), WASTE, ","), named)
    assert hint.startswith("datablock.split.group: 'Ort' has 12 values in 120 rows")
    assert "ingest.label.csv: list.csv, path_column: Datei and delimiter: ';'" in hint
    other = parse_table(Path("prices.csv"), "thing,price\nx,1\n", ",")
    assert list(hints_of_table(other, named)) == []
    for header in (";Ort;Nr", ";;Nr"):
        nameless = parse_table(Path("list.csv"), "\n".join([header, *WASTE.splitlines()[1:]]), ",")
        assert list(hints_of_table(nameless, named)) == []


def test_of_columns_with_few_values_the_first_is_proposed_first() -> None:
    """Four kinds go before three places behind them, and before 40 towns in front of them."""
    rows = [
        (n, "abcd"[n % 4], ("yard", "hall", "street")[n % 3], f"town {chr(65 + n % 26)}{n % 40}")
        for n in range(120)
    ]
    few = "file,kind,place\n" + "".join(f"P{n:03}.jpg,{k},{p}\n" for n, k, p, _ in rows)
    assert columns(few) == ["kind", "place"]
    many = "file,town,kind\n" + "".join(f"P{n:03}.jpg,{t},{k}\n" for n, k, _, t in rows)
    assert columns(many)[0] == "kind"


def test_a_column_that_stands_out_is_the_only_one() -> None:
    """A column called label is proposed alone, unless params.yaml names another."""
    text = WASTE.replace("Art", "Label")
    assert columns(text) == ["Label"]
    assert columns(text, label_column="Ort") == ["Label", "Ort"]


def test_params_may_name_a_column_that_nothing_would_propose() -> None:
    """Classes that are numbers are proposed once label_column names their column."""
    text = "f,c1,c2\n" + "".join(f"P{n:03}.jpg,{n % 2 + 3},{n % 3 + 5}\n" for n in range(120))
    (doubt,) = guesses(text)
    assert doubt == (
        "list.csv: set ingest.label.label_column in params.yaml to the column of the labels, one"
        " of 'c1', 'c2', and start again"
    )
    assert columns(text, label_column="c2") == ["c2"]


def test_params_may_name_the_columns_of_paths_sides_and_groups() -> None:
    """Columns of the table that params.yaml names are kept; those of another table go."""
    text = "copy,file,kind,side,place\n" + "".join(
        f"P{n:03}.jpg,P{n:03}.jpg,{'ab'[n % 2]},{('train', 'val')[n % 5 == 0]},p{n // 4}\n"
        for n in range(120)
    )
    (kept,) = guesses(
        text, label_column="kind", path_column="file", split_column="side", group_column="place"
    )
    assert isinstance(kept, Proposal)
    rule = kept.rule
    assert (rule.path_column, rule.split_column, rule.group_column) == ("file", "side", "place")
    assert len(kept.labels.groups) == len(PHOTOS)
    other = guesses(text, path_column="gone", group_column="also gone")[0]
    assert isinstance(other, Proposal)
    assert (other.rule.path_column, other.rule.group_column) == ("copy", "")


def test_a_column_that_may_be_groups_is_a_hint() -> None:
    """The column of places is named once, unless it is the label or the groups already."""
    first, second = guesses(WASTE)
    assert isinstance(first, Proposal)
    assert isinstance(second, Proposal)
    (hint,) = first.doubts
    assert "'Ort' has 12 values in 120 rows ('bin0'" in hint
    assert second.doubts == ()
    named = guesses(WASTE, group_column="Ort")[0]
    assert isinstance(named, Proposal)
    assert named.doubts == ()


@pytest.mark.parametrize("many", [6, 30])
def test_at_most_five_columns_are_proposed(many: int) -> None:
    """Of a table with many columns that repeat the first five are proposed, the best first."""
    head = ",".join(f"c{at}" for at in range(many))
    rows = (f"P{n:03}.jpg," + ",".join("xy"[n % (at + 2) == 0] for at in range(many)) for n in
            range(120))  # fmt: skip
    assert columns("\n".join([f"file,{head}", *rows])) == [f"c{at}" for at in range(5)]


def test_columns_that_fail_are_told_only_where_none_succeeds() -> None:
    """A named column of too many values is told, and is silent beside one that labels."""
    (doubt,) = guesses("file,label\n" + "".join(f"P{n:03}.jpg,{n}\n" for n in range(120)))
    assert doubt == "list.csv: its column 'label' would give 120 classes for 120 photos"
    assert all(isinstance(one, Proposal) for one in guesses(WASTE, label_column="Gramm"))
