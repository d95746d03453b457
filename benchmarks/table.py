"""Tables of the results: docs/benchmarks.md, and the table beside fastai in two pages.

Run: python -m benchmarks.table writes them from benchmarks/results; --check only compares, and
exits 1 naming the file. So no figure of these tables can differ from what was measured.
"""

import json
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stages.base.entry_point import run_command
from stages.base.errors import UserError, error_list
from stages.base.files import write_text

ROOT = Path(__file__).parents[1]
RESULTS = Path("benchmarks/results")
PAGE = Path("docs/benchmarks.md")
README, MEASURED = Path("README.md"), Path("docs/results.md")
BEGIN, END = "<!-- begin of benchmarks.table -->\n", "<!-- end of benchmarks.table -->\n"
INTRODUCTION = """# Benchmarks: every figure

Written by `python -m benchmarks.table` from `benchmarks/results`; the scripts, and how to run them,
are in `benchmarks/README.md`. A figure is a median, with its smallest and
largest value in brackets and the number of runs behind it. The commit is that of the measured
source, or the first that has the result.
"""
# File -> part -> machine, commit and figures, as benchmarks.measure writes them.
Results = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Row:
    """A row of the table beside fastai: what was measured, and how to read each side's figure."""

    label: str
    ours: Callable[[Results], str]
    fastai: Callable[[Results], str]
    short: bool = False  # in the README too, which has few rows


def _figures(results: Results, file: str, part: str) -> Mapping[str, Any]:
    figures: Mapping[str, Any] = results[file][part]["figures"]
    return figures


def _training_seconds(part: str, side: str) -> Callable[[Results], str]:
    """Return the seconds of finding a rate and fine-tuning."""
    return lambda results: (
        f"{sum(_figures(results, 'train', part)[f'seconds, {side}'].values()):,.0f} s"
    )


def _error(part: str, side: str) -> Callable[[Results], str]:
    return lambda results: f"{_figures(results, 'train', part)['error, %'][side]} %"


def _median(file: str, part: str, figure: str, unit: str, scale: float = 1.0) -> Callable[..., str]:
    return lambda results: f"{scale * _figures(results, file, part)[figure]['median']:.3g} {unit}"


def _fastai_view(results: Results) -> str:
    """Return the milliseconds of a view in fastai: ours divided by the ratio of the two."""
    figures = _figures(results, "resampling", "460 to 224 px")
    ours = figures["milliseconds a photo, ours"]["median"]
    ratio = figures["time, ours / fastai's"]["median"]
    return f"{ours / ratio:.2g} ms"


VIEWS = "460 to 224 px"
ROWS = (
    Row(
        label="finding a rate and fine-tuning lite0, 700 photos of 7 breeds, 1 + 3 epochs, 128 px",
        ours=_training_seconds("128 px", "ours"),
        fastai=_training_seconds("128 px", "fastai"),
        short=True,
    ),
    Row(
        label="its errors on 140 validation photos (paired test: {128 px})",
        ours=_error("128 px", "ours"),
        fastai=_error("128 px", "fastai"),
        short=True,
    ),
    Row(
        label="the same at 224 px",
        ours=_training_seconds("224 px", "ours"),
        fastai=_training_seconds("224 px", "fastai"),
        short=True,
    ),
    Row(
        label="its errors ({224 px})",
        ours=_error("224 px", "ours"),
        fastai=_error("224 px", "fastai"),
        short=True,
    ),
    Row(
        label="random views of a photo, 460 to 224 px",
        ours=_median("resampling", VIEWS, "milliseconds a photo, ours", "ms"),
        fastai=_fastai_view,
    ),
    Row(
        label="their PSNR against the view sampled 4 times as finely (ours higher on {wins})",
        ours=_median("resampling", VIEWS, "PSNR of ours, dB", "dB"),
        fastai=_median("resampling", VIEWS, "PSNR of fastai's, dB", "dB"),
    ),
    Row(
        label="presizing a photo of 12 megapixels, one core",
        ours=_median("presize", "large", "seconds a photo, ours", "ms", 1000),
        fastai=_median("presize", "large", "seconds a photo, fastai", "ms", 1000),
        short=True,
    ),
)


def beside_fastai(results: Results, rows: Sequence[Row]) -> str:
    """Return the table beside fastai in Markdown, of some of its rows."""
    words = {part: _verdict(results, part) for part in ("128 px", "224 px")}
    words["wins"] = _figures(results, "resampling", VIEWS)["photos where ours is nearer the truth"]
    lines = ["| | Finetrack | fastai |", "|---|---|---|"]
    for row in rows:
        label = re.sub(r"\{([^}]+)\}", lambda match: words[match[1]], row.label)
        lines.append(f"| {label} | {row.ours(results)} | {row.fastai(results)} |")
    return "\n".join(lines) + "\n"


def _verdict(results: Results, part: str) -> str:
    """Return the verdict of the paired test, and its p."""
    comparison = _figures(results, "train", part)["ours against fastai"]
    return f"{comparison['verdict']}, p = {comparison['p']:.1g}"


def page(results: Results) -> str:
    """Return docs/benchmarks.md: a section for each part of a script's results, with its table."""
    sections = [INTRODUCTION]
    for name, parts in results.items():
        for part, result in parts.items():
            machine = result["machine"]
            versions = ", ".join(f"{key} {value}" for key, value in machine["versions"].items())
            sections.append(
                f"## `{name}`: {part}\n\n"
                f"Commit {result['commit']}; {machine['cores']} cores, {machine['processor']}; "
                f"{versions}.\n\n{_figures_table(result['figures'])}"
            )
    return "\n".join(sections)


def _figures_table(figures: Mapping[str, Any]) -> str:
    """Return a row for each figure; where all are several numbers, with a column for each."""
    columns = _columns(figures)
    if not columns:
        rows = "".join(_figure_row(key, value) for key, value in figures.items())
        return f"| figure | value | aim |\n|---|---|---|\n{rows}"
    lines = [["figure", *columns], ["---"] * (len(columns) + 1)]
    lines += [
        [name, *(str(value.get(column, "")) for column in columns)]
        for name, value in figures.items()
    ]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)


def _columns(figures: Mapping[str, Any]) -> list[str]:
    """Return the keys of figures that are all mappings of plain numbers; else none."""
    for value in figures.values():
        if not isinstance(value, dict) or {"median", "min", "max", "n"} <= value.keys():
            return []
        if not all(isinstance(inner, int | float) for inner in value.values()):
            return []
    return sorted({key for value in figures.values() for key in value})


def _figure_row(name: str, value: Any) -> str:
    aim = value.get("target", "") if isinstance(value, dict) else ""
    return f"| {name} | {figure_text(value)} | {aim} |\n"


def figure_text(value: Any) -> str:
    """Return a figure in words.

    >>> figure_text({"median": 2.5, "min": 2.0, "max": 3.0, "n": 5, "target": "at most 4"})
    '2.5 (2.0 to 3.0, n 5)'
    >>> figure_text({"ours": 4.3, "fastai": 17.9})
    'ours 4.3, fastai 17.9'
    """
    if not isinstance(value, dict):
        return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
    if {"median", "min", "max", "n"} <= value.keys():
        spread = f"{value['median']} ({value['min']} to {value['max']}, n {value['n']})"
        rest = {k: v for k, v in value.items() if k not in ("median", "min", "max", "n", "target")}
    else:
        spread = ""
        rest = {key: inner for key, inner in value.items() if key != "target"}
    more = ", ".join(f"{key} {figure_text(inner)}" for key, inner in rest.items())
    return "; ".join(text for text in (spread, more) if text)


def read_results(root: Path) -> dict[str, Any]:
    """Return the content of every file of results, by its name without the ending."""
    files = sorted((root / RESULTS).glob("*.json"))
    return {file.stem: json.loads(file.read_text(encoding="utf-8")) for file in files}


def written(root: Path) -> dict[Path, str]:
    """Return the texts that the three files should have, by their paths from the root."""
    results = read_results(root)
    short = [row for row in ROWS if row.short]
    return {
        PAGE: page(results),
        README: _with_table(root, README, beside_fastai(results, short)),
        MEASURED: _with_table(root, MEASURED, beside_fastai(results, ROWS)),
    }


def _with_table(root: Path, file: Path, rows: str) -> str:
    """Return the text of a file with this table between its marks."""
    before, begin, rest = (root / file).read_text(encoding="utf-8").partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise UserError(f"{file} lacks the lines {BEGIN.strip()} and {END.strip()}")
    return before + BEGIN + rows + END + after


def main() -> None:
    """Write the files, or with --check compare them."""
    texts = written(ROOT)
    if sys.argv[1:] == ["--check"]:
        wrong = [
            str(path)
            for path, text in texts.items()
            if not (ROOT / path).is_file() or (ROOT / path).read_text(encoding="utf-8") != text
        ]
        if wrong:
            raise error_list("not what benchmarks/results say; please run make deps:", wrong)
        print(f"{PAGE}, {README} and {MEASURED} agree with {RESULTS}.")
    elif sys.argv[1:]:
        raise UserError("python -m benchmarks.table takes --check or nothing")
    else:
        for path, text in texts.items():
            write_text(ROOT / path, text)
        print(f"Wrote {PAGE}, and the tables in {README} and {MEASURED}, from {RESULTS}.")


if __name__ == "__main__":
    run_command(main)
