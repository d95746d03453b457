"""What a proposal sets in params.yaml, and what it leaves."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from stages.base.yaml_file import read_yaml
from stages.dataset.split_params import SplitParams
from stages.labels.csv_table import parse_table
from stages.labels.label_guess import guess_labels
from stages.labels.proposal import Proposal
from stages.tools.start_params import advise_sides, param_changes
from tests.example_rule import example_rule

ROOT = Path(__file__).parents[2]


def propose(paths: Sequence[str], table: str = "", **rule: str) -> Proposal:
    """Return the first proposal for photos and the text of a table, with some params changed."""
    tables = [parse_table(Path("data/photos/t.csv"), table, ",")] if table else []
    return guess_labels(paths, tables, example_rule(**rule)).proposals[0]


def changed(proposal: Proposal, params: dict[str, Any]) -> dict[str, str | float]:
    """Return the values that change, by key."""
    split = SplitParams.model_validate(params["datablock"]["split"])
    sides = advise_sides(proposal, split)
    changes = param_changes(proposal, "data/photos", params, sides)
    return {change.key: change.after for change in changes}


def advised(proposal: Proposal, **split: object) -> str | None:
    """Return the rule that is advised for a proposal, with some keys of datablock.split changed."""
    advice = advise_sides(proposal, split_of(**split))
    return None if advice is None else advice.by


def split_of(**split: object) -> SplitParams:
    """Return datablock.split of the project, with some keys changed."""
    return SplitParams.model_validate(params(**split)["datablock"]["split"])


def params(**split: object) -> dict[str, Any]:
    """Return the params of the project, with some keys of datablock.split changed."""
    content = read_yaml(ROOT / "params.yaml")
    content["datablock"]["split"] |= split
    return content


FOLDERS = [f"{name}/{number}.jpg" for name in ("cat", "dog") for number in range(150)]
SIDES = [f"{side}/{path}" for side in ("train", "val") for path in FOLDERS]


def test_class_folders_change_three_params() -> None:
    """From the params of the sample only the data set, the folder and the rule change."""
    assert changed(propose(FOLDERS), params()) == {
        "fetch.dataset": "none",
        "ingest.images": "data/photos",
        "ingest.label.by": "folder",
    }


def test_a_split_by_folder_has_no_test_share() -> None:
    """Where folders divide, the share for the test is 0, since the check refuses another."""
    found = changed(propose(SIDES), params(test=0.15))
    assert found["datablock.split.by"] == "folder"
    assert found["datablock.split.test"] == 0.0


def test_a_split_by_class_stays() -> None:
    """A stratified split and folds stay where no sides are named; column and folder do not."""
    for by in ("stratified", "folds"):
        assert "datablock.split.by" not in changed(propose(FOLDERS), params(by=by))
    for by in ("folder", "column"):
        assert changed(propose(FOLDERS), params(by=by))["datablock.split.by"] == "hash"


def test_a_table_sets_its_columns() -> None:
    """File, delimiter and columns of a table are set; the column of groups of another goes."""
    rows = "".join(f"{path};{'ab'[at % 2]}\n" for at, path in enumerate(FOLDERS))
    content = params(group="column")
    content["ingest"]["label"]["group_column"] = "person"
    found = changed(propose(FOLDERS, f"file;kind\n{rows}"), content)
    assert found == {
        "fetch.dataset": "none",
        "ingest.images": "data/photos",
        "ingest.label.by": "csv",
        "ingest.label.csv": "data/photos/t.csv",
        "ingest.label.path_column": "file",
        "ingest.label.label_column": "kind",
        "ingest.label.delimiter": ";",
        "ingest.label.group_column": "",
        "datablock.split.group": "",
    }


def test_a_column_of_groups_that_params_name_divides() -> None:
    """A group column of the table stays, and the split goes by it unless a regex says otherwise."""
    rows = "".join(f"{path},{'ab'[at % 2]},s{at // 2}\n" for at, path in enumerate(FOLDERS))
    table = f"path,label,scene\n{rows}"
    proposal = propose(FOLDERS, table, group_column="scene")
    for group, after in (("", "column"), ("column", None), ("^(.)/", None)):
        content = params(group=group)
        content["ingest"]["label"]["group_column"] = "scene"
        found = changed(proposal, content)
        assert "ingest.label.group_column" not in found
        assert found.get("datablock.split.group") == after


def test_what_is_right_already_is_no_change() -> None:
    """Params that say all of a proposal need none."""
    content = params()
    content["fetch"]["dataset"] = "none"
    content["ingest"]["images"] = "data/photos"
    content["ingest"]["label"]["by"] = "folder"
    assert changed(propose(FOLDERS), content) == {}


def test_sides_follow_from_the_sizes_of_the_classes() -> None:
    """Large classes are divided by hash, a small one asks for stratified, a small set for folds."""
    assert advised(propose(FOLDERS)) == "hash"
    assert advised(propose([*FOLDERS, *(f"lynx/{n}.jpg" for n in range(5))])) == "stratified"
    few = propose(FOLDERS[:20] + FOLDERS[-20:])
    assert advised(few) == "folds"
    assert changed(few, params())["datablock.split.by"] == "folds"
    assert advised(few, by="stratified") is None
    assert advised(propose(SIDES)) is None


def test_groups_of_a_class_are_counted_where_a_table_names_them() -> None:
    """Two classes of 150 photos in five scenes each are stratified, since scenes are divided."""
    rows = "".join(f"{path},{'ab'[at // 150]},s{at // 30}\n" for at, path in enumerate(FOLDERS))
    table = f"path,label,scene\n{rows}"
    proposal = propose(FOLDERS, table, group_column="scene")
    assert proposal.rule.label_column == "label"
    assert advised(proposal) == "stratified"


def test_groups_of_a_regex_are_counted_in_place_of_those_of_a_table() -> None:
    """A regex of params.yaml divides, as datablock will; one that catches nothing leaves photos."""
    paths = [f"{name}/{scene} {n}.jpg" for name in "ab" for scene in "vwxyz" for n in range(30)]
    assert advised(propose(paths)) == "hash"
    advice = advise_sides(propose(paths), split_of(group="^./(.)"))
    assert advice is not None
    assert advice.by == "stratified"
    assert advice.reason.endswith("with 5 groups")
    assert advised(propose(paths), group="(never)") == "hash"
    rows = "".join(f"{path},{path[0]},{at}\n" for at, path in enumerate(paths))
    proposal = propose(paths, f"path,label,scene\n{rows}", group_column="scene")
    assert advised(proposal, group="column") == "hash"
    assert advised(proposal, group="^./(.)") == "stratified"
