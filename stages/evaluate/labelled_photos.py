"""Labelled photos: those of a folder or a table, each with its label, and those without."""

import io
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal, get_args

from stages.base.ahead import map_ahead
from stages.base.bucket import (
    BucketFile,
    PhotoFolder,
    is_bucket_url,
    local_path,
    photo_folder,
    refuse_secret,
)
from stages.base.echo import echo
from stages.base.errors import UserError, error_list
from stages.base.file_names import utf8_name
from stages.base.plural import count_noun, join_names
from stages.base.storage import REQUESTS_AT_ONCE
from stages.labels.label_csv import read_labels_csv
from stages.labels.label_rule import label_photos
from stages.labels.labels import LabelParams, PhotoLabels
from stages.labels.problem import Problem
from stages.predict.find_sources import SECRET, find_sources
from stages.predict.path_column import open_table
from stages.predict.path_in_tar import TarPaths
from stages.predict.photo_source import PhotoSource, Unread

LabelBy = Literal["folder", "csv", "filename"]
LABEL_RULES: tuple[LabelBy, ...] = get_args(LabelBy)
_TABLES = (".csv", ".tsv")
# Problems of rows that name no photo, and how their details call the folder of the photos.
_WITHOUT_PHOTO = ("row without photo", "absolute path", "path leaves the folder")
_PARAM_OF_FOLDER = "ingest.images"


@dataclass(frozen=True, kw_only=True)
class LabelOptions:
    """Where labels come from, as far as a user says so; None is as params.yaml has it."""

    by: LabelBy | None = None
    table: Path | None = None  # of a folder's labels
    path_column: str | None = None
    label_column: str | None = None


@dataclass(frozen=True, kw_only=True)
class LabelledPhotos:
    """The photos to evaluate a model on, each name once, and what has no label."""

    sources: Sequence[PhotoSource]
    labels: Mapping[str, str]  # by the name of the source
    unlabelled: Sequence[Problem] = field(default_factory=list)  # photos
    row_problems: Sequence[Problem] = field(default_factory=list)  # of a table
    rows_without_photo: int = 0  # of a table
    passed_over: str = ""  # a line about the files beside photos


def find_labelled_photos(
    argument: str, params: LabelParams, options: LabelOptions
) -> LabelledPhotos:
    """Return the labelled photos of a folder, or of a table (.csv) with their paths.

    Paths of a table are relative to its folder; those of a table of labels beside a folder
    (options.table) to that folder. UserError where no photo gets a label.
    """
    refuse_secret(argument)  # before anything shows it
    argument = local_path(argument)
    path = Path(argument)
    is_table = path.suffix.lower() in _TABLES and not path.is_dir()
    in_bucket = is_bucket_url(argument)
    if not is_table and not in_bucket and not path.is_dir():
        what = "is neither" if path.exists() else "does not exist"
        raise UserError(f"{argument} {what}; name a folder of photos, or a .csv of their paths")
    if is_table and in_bucket:
        raise UserError(f"{argument}: a table is read from this machine; copy it here")
    _require_one_rule(argument, options, is_table=is_table)
    rule = _rule(path if is_table else options.table, params, options)
    column = options.path_column or params.path_column
    (found,) = find_sources([argument], column, io.BytesIO(), TarPaths())
    if is_table:
        by_key = _by_key(_of_table(argument, list(found.sources)), "")
    else:
        folder = photo_folder(argument)
        by_key = _by_key(found.sources, utf8_name((folder / "x").as_posix())[:-1])
        _require_photo(folder, list(by_key.values()))
    labels = _labels(rule, list(by_key))
    if not labels.labels:
        raise _none_labelled(argument, rule, labels, list(by_key))
    named = {by_key[key].name: label for key, label in labels.labels.items()}
    return LabelledPhotos(
        sources=[source for source in by_key.values() if source.name in named],
        labels=named,
        unlabelled=[row._replace(path=by_key[row.path].name) for row in labels.unlabelled],
        row_problems=[_in_words_of(argument, row) for row in labels.problems],
        rows_without_photo=sum(row.problem in _WITHOUT_PHOTO for row in labels.problems),
        passed_over=found.passed_over,
    )


def require_known_class(photos: LabelledPhotos, class_names: Collection[str]) -> None:
    """Refuse a set of which the model knows no class; the error shows those of both."""
    labels = sorted(set(photos.labels.values()))
    if not set(labels) & set(class_names):
        raise UserError(
            f"the model knows none of the labels ({join_names([echo(label) for label in labels])});"
            f" its classes are {join_names([echo(name) for name in class_names])}; name another "
            "--model, or say how these photos are labelled: --label-by, --labels"
        )


def _rule(table: Path | None, params: LabelParams, options: LabelOptions) -> LabelParams:
    """Return the rule that labels the photos; a table is the one that was named."""
    by = options.by or ("csv" if table else params.by)
    if by != "csv":
        return params.model_copy(update={"by": by, "split_column": ""})
    if table is None:
        raise UserError(
            "labels by a table, and none is named: evaluate the table itself (a .csv of paths and "
            "labels), or python -m stages.tools.evaluate FOLDER with --labels FILE.csv, --label-by "
            "folder or --label-by filename"
        )
    columns = {
        "--column": options.path_column or params.path_column,
        "--label-column": options.label_column or params.label_column,
    }
    delimiter = open_table(table, columns).delimiter
    return params.model_copy(
        update={
            "by": "csv",
            "csv": str(table),
            "path_column": columns["--column"],
            "label_column": columns["--label-column"],
            "split_column": "",
            "delimiter": delimiter,
        }
    )


def _require_one_rule(argument: str, options: LabelOptions, *, is_table: bool) -> None:
    """Refuse --labels beside what labels the photos too: one of them would be passed over."""
    if options.table is None:
        return
    if is_table:
        raise UserError(
            f"--labels {options.table}, and {argument} is a table of labels itself; leave out "
            "--labels, or name the folder of the photos"
        )
    if options.by not in (None, "csv"):
        raise UserError(
            f"--labels {options.table} and --label-by {options.by} are two sources of labels; "
            "leave one out"
        )


def _require_photo(folder: PhotoFolder, sources: Sequence[PhotoSource]) -> None:
    """Refuse a folder in which nothing is a photo; find_sources has the folder in its place."""
    if len(sources) == 1 and sources[0].name == utf8_name(f"{folder}"):
        place = sources[0].place
        reason = place.problem if isinstance(place, Unread) else "it is a photo"
        raise UserError(f"{folder}: {reason}")


def _of_table(table: str, sources: Sequence[PhotoSource]) -> Iterable[PhotoSource]:
    """Return the photos of a table, those in buckets with the versions that they have now."""
    secrets = sum(source.place == SECRET for source in sources)
    if secrets:
        raise UserError(f"{table}: in {count_noun(secrets, 'row')} {SECRET.problem}")
    if not any(isinstance(source.place, BucketFile) for source in sources):
        return sources
    return map_ahead(_with_version, sources, REQUESTS_AT_ONCE)


def _with_version(source: PhotoSource) -> PhotoSource:
    if isinstance(source.place, BucketFile):
        return replace(source, place=source.place.looked_up())
    return source


def _in_words_of(argument: str, problem: Problem) -> Problem:
    """Return a problem of a row with the folder that was named in the place of the params' one."""
    return problem._replace(detail=problem.detail.replace(_PARAM_OF_FOLDER, argument))


def _by_key(found: Iterable[PhotoSource], prefix: str) -> dict[str, PhotoSource]:
    """Return the first photo of each name, by what labels go by: its path below the folder."""
    sources: dict[str, PhotoSource] = {}
    for source in found:
        if source.name.strip():  # an empty cell of a table is a problem of its row
            sources.setdefault(source.name.removeprefix(prefix), source)
    return sources


def _labels(rule: LabelParams, keys: Sequence[str]) -> PhotoLabels:
    if rule.by == "csv":
        return read_labels_csv(Path(rule.csv), rule, keys)
    labels = label_photos(keys, rule, PhotoLabels())
    return replace(labels, problems=[])


def _none_labelled(
    argument: str, rule: LabelParams, labels: PhotoLabels, keys: Sequence[str]
) -> UserError:
    remedies: Mapping[str, str] = {
        "csv": f"the column {rule.path_column!r} of {rule.csv} names others, or has no labels",
        "folder": "put each into a folder named as its class, or say --label-by or --labels",
        "filename": f"ingest.label.regex {rule.regex} fits no name; say --label-by or --labels",
    }
    lines = [str(problem) for problem in [*labels.problems, *labels.unlabelled]]
    head = f"{argument}: none of {count_noun(len(keys), 'photo')} has a label: {remedies[rule.by]}"
    return error_list(head, lines, shown=5)
