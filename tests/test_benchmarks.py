"""Figures that are written for people are those of benchmarks/results and of the committed run."""

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from benchmarks import measure, table
from stages.base.errors import UserError

ROOT = Path(__file__).parents[1]
PAGES = {
    name: " ".join((ROOT / name).read_text(encoding="utf-8").split())
    for name in (
        "README.md",
        "docs/results.md",
        "docs/large.md",
        "docs/cluster.md",
        "docs/compare.md",
        "docs/report.md",
        "docs/splits.md",
        "docs/unequal_classes.md",
        "docs/gpu.md",
    )
}
RESULTS = table.read_results(ROOT)
SIX = "greek, leaves, logos, plants, daylight, gestures"
TWELVE = (
    "birds, ultrasound, dishes, script, weather, aerial, widgets, machines, comics, places, "
    "sports, fruit"
)
FOUR = "flowers, objects, words, bricks"
NEXT_SIX = "kana, music, lungs, vegetables, clothes, cars"
TEN = f"{NEXT_SIX}, {FOUR}"
THREE_FIFTHS = f"{NEXT_SIX}, three fifths"
ALL_FIFTHS = "ten sets, three fifths"
FOUR_FIFTHS = f"{FOUR}, fifths 2 and 3"
PROBES_ERROR = "probe's error, %"
AGAINST = "default, against the probe"
METRICS = json.loads((ROOT / "reports" / "interpret" / "metrics.json").read_text(encoding="utf-8"))


_BY_IMAGES = "naive, holds the truth"
_OUTLOOK = "outlook on twice the photos"
_CALIBRATED = "calibrated confidences"


def percent(interval: dict[str, float]) -> str:
    """Return a share in percent, one decimal."""
    return f"{100 * interval['value']:.1f} %"


def ends(interval: dict[str, float]) -> str:
    """Return the ends of a 95 % interval in percent."""
    return f"{100 * interval['low']:.1f} to {100 * interval['high']:.1f} %"


def mean_error(part: str, figure: str) -> str:
    """Return a mean over five splits, before the head started from the probe."""
    return percent({"value": RESULTS["defaults"][part]["figures"][figure]["mean"] / 100})


def against_fastai() -> str:
    """Return what fastai left wrong on the sets that nobody had looked at."""
    test = RESULTS["recipes"][SIX]["figures"]["default, against fastai"]
    return f"{test['other, %']:.1f} % wrong, significantly more"


def unseen(part: str, figure: str) -> str:
    """Return what the default errs on, and the other, on sets that were not looked at."""
    test = RESULTS["recipes"][part]["figures"][f"default, {figure}"]
    # Of the counts: a share that is rounded to two decimals before would be rounded twice.
    ours, other = (
        100 * round(test[key] * test["images"] / 100) / test["images"]
        for key in ("error, %", "other, %")
    )
    return f"{ours:.1f} against {other:.1f} %"


def waiting(part: str) -> str:
    """Return the share of the time that training waits for its input."""
    share = RESULTS["feeding"][part]["figures"]["share of the time spent waiting"]["median"]
    return f"{100 * share:.1f} %"


def more_over_ray(part: str) -> str:
    """Return the ends of the seconds that a stage takes more over Ray."""
    more = RESULTS["cluster"][part]["figures"]["seconds more over Ray"]
    return f"{more['min']:.1f} to {more['max']:.1f}"


def training_alone() -> str:
    """Return the ends of the share of fastai's time that training alone takes."""
    parts = RESULTS["train"].values()
    shares = [part["figures"]["time of training alone, ours / fastai"] for part in parts]
    return f"{min(shares):.2f} to {max(shares):.2f}".replace("0.", ".")


def ends_of(*parts: str) -> tuple[float, float]:
    """Return in how many draws the intervals at more photos held the error, the ends in percent."""
    name = "{} times the photos, interval holds the error, %"
    shares = [
        RESULTS["next"][part]["figures"][name.format(factor)] for part in parts for factor in (2, 4)
    ]
    return min(shares), max(shares)


def held_by(interval: str) -> str:
    """Return the ends of how often an interval held the true error of the best of several runs."""
    figures = RESULTS["choosing"]["212 images"]["figures"]
    shares = [figure[f"{interval}, holds the truth, %"] for figure in figures.values()]
    return f"{min(shares)} to {max(shares)} %"


def by_groups(figure: str, key: str) -> str:
    """Return the ends over all sizes of groups whose images are right or wrong as a whole."""
    name = f"{figure}, intraclass correlation 1.0"
    shares = [part["figures"][name][f"{key}, %"] for part in RESULTS["grouped"].values()]
    return f"{min(shares)} to {max(shares)} %"


def scores_by_groups(figure: str, key: str) -> str:
    """Return the same of rankings, calibration and the outlook on more photos."""
    name = f"{figure}, intraclass correlation 1.0"
    shares = [part["figures"][name][f"{key}, %"] for part in RESULTS["grouped_scores"].values()]
    return f"{min(shares)} to {max(shares)}"


def beside_peers(name: str, recipe: str) -> str:
    """Return the error and the seconds of a recipe or peer on one division of a set."""
    figures = RESULTS["recipes"][f"{name}, beside fastai, timm, torchvision"]["figures"]
    error = figures[f"{recipe}, error, %"]["mean"]
    return f"{error:.1f} % in {figures[f'{recipe}, seconds']['median']:.0f} s"


def beside_fastai(name: str, recipe: str) -> str:
    """Return the same of one division that fastai alone was run on."""
    figures = RESULTS["recipes"][f"{name}, beside fastai"]["figures"]
    error = figures[f"{recipe}, error, %"]["mean"]
    return f"{error:.1f} % in {figures[f'{recipe}, seconds']['median']:.0f} s"


def all_scores_by_groups(figure: str, key: str) -> list[float]:
    """Return a number of all sizes and correlations that were simulated."""
    return [
        found[key]
        for part in RESULTS["grouped_scores"].values()
        for name, found in part["figures"].items()
        if name.startswith(figure)
    ]


def worst_by_groups() -> str:
    """Return how seldom the interval by groups held the true error in any one kind of sets."""
    shares = [
        figure["grouped, holds the truth at least, %"]
        for part in RESULTS["grouped"].values()
        for name, figure in part["figures"].items()
        if name.startswith("error rate")
    ]
    return f"{min(shares)} %"


def by_balance(score: str) -> list[str]:
    """Return a score without balance, with sqrt and with full."""
    figures = RESULTS["balance"]["scans, 100 to 5 images"]["figures"]
    means = [figures[name][score] for name in ("none", "sqrt", "full")]
    return [f"{mean['mean']:.1f}" for mean in means]


def compiled(name: str) -> Any:
    """Return a figure of compiled steps beside those that are not."""
    return RESULTS["compiled"]["digits, lite0 cut at 16, 96 px"]["figures"][name]


def first_compiled_step(cache: str) -> str:
    """Return the seconds of the first step, with an empty cache or a full one."""
    return f"{compiled(f'seconds of the first step, compiled, {cache} cache')['median']:.0f} s"


def pays_from(cache: str) -> str:
    """Return the images from which compiling is sooner done."""
    return f"{compiled(f'images from which compiled is sooner done, {cache} cache'):,}"


def false_verdicts() -> str:
    """Return how many of the pairs of equally good models got a verdict."""
    rows = RESULTS["null"]["null"]["figures"]
    shares = [row["told, %"] for name, row in rows.items() if name.startswith("error")]
    return f"{min(shares)} to {max(shares)} %"


def test_the_tables_are_what_the_results_say() -> None:
    """All tables are those that make deps writes from the results."""
    for path, text in table.written(ROOT).items():
        assert (ROOT / path).read_text(encoding="utf-8") == text, path


@pytest.mark.parametrize(
    "figure",
    [
        f"{percent(METRICS['error_rate'])} of {METRICS['images']} validation images",
        f"95 % interval {ends(METRICS['error_rate'])}",
        f"against {percent(METRICS['baseline']['error_rate'])}",
        f"({ends(METRICS['baseline']['error_rate'])})",
        *(
            unseen(part, figure)
            for part in ("digits", "digits, never darkened")
            for figure in ("against the probe", "dark, against the probe")
        ),
        unseen("pets", "against the probe"),
        unseen("pets", "against probe of lite0, 224 px"),
        f"Training alone takes {training_alone()} of the time",
        f"waits for its input {waiting('digits, 96 px')} of the time on the sample",
        f"{waiting('pets, 224 px, unfrozen')} on pets",
        *(
            unseen(part, "against the probe")
            for part in (
                *("greek", "leaves", "logos", "plants", "daylight", "gestures"),
                *("syllables", "expressions", "rooms", "cats", "hands", "signs"),
                *TWELVE.split(", "),
                *FOUR.split(", "),
                *NEXT_SIX.split(", "),
                *(f"{name}, fifths 2 and 3" for name in NEXT_SIX.split(", ")),
            )
        ),
        *(
            unseen("cats, expressions, rooms, syllables", figure)
            for figure in ("against the probe", "dark, against the probe")
        ),
        against_fastai(),
        f"{mean_error('pets', 'error, %')} wrong, and",
        f"the probe at 224 pixels {mean_error('pets', PROBES_ERROR)}",
        *(
            unseen(part, figure)
            for part in (TWELVE, SIX, FOUR, NEXT_SIX, TEN, THREE_FIFTHS, ALL_FIFTHS)
            for figure in (
                "against the probe",
                "blur, against the probe",
                "dark, against the probe",
                "JPEG 20, against the probe",
                "crop, against the probe",
            )
        ),
        *(
            f"{peer} {beside_peers(name, peer)}"
            for name in ("objects", "words")
            for peer in ("fastai", "timm", "torchvision")
        ),
        f"ours {beside_peers('words', 'default')}",
        *(f"ours {beside_fastai(name, 'default')}" for name in ("birds", "ultrasound")),
        f"of ultrasound {beside_fastai('ultrasound', 'fastai')}",
        unseen(FOUR_FIFTHS, "against the probe"),
        unseen("flowers, fifths 2 and 3", "against the probe"),
        unseen("letters", "against the probe"),
        unseen("monkeys", "against the probe"),
        *(
            unseen("insects, defects, faces", figure)
            for figure in (
                "against the probe",
                "blur, against the probe",
                "dark, against the probe",
                "JPEG 20, against the probe",
                "crop, against the probe",
            )
        ),
    ],
)
def test_the_prose_has_the_measured_figure(figure: str) -> None:
    """A figure in the sentences of docs/results.md is the one that was measured, rounded."""
    assert figure in PAGES["docs/results.md"]


@pytest.mark.parametrize(
    ("page", "figure"),
    [
        ("README.md", f"{percent(METRICS['error_rate'])} of {METRICS['images']} validation images"),
        ("README.md", f"95 % interval {ends(METRICS['error_rate'])}"),
        ("README.md", f"against {percent(METRICS['baseline']['error_rate'])}"),
        ("README.md", f"({ends(METRICS['baseline']['error_rate'])})"),
        ("README.md", f"{unseen(TWELVE, 'against the probe')} are wrong, significantly better"),
        ("README.md", f"(p = {RESULTS['recipes'][TWELVE]['figures'][AGAINST]['p']:.0e})"),
        # The example of a comparison is of the committed run and of the one before, 7b8cc0f.
        ("README.md", f"→ {percent(METRICS['error_rate'])}"),
        ("docs/compare.md", f"→ {percent(METRICS['error_rate'])}"),
        ("docs/compare.md", f"Of {METRICS['images']} common images"),
        ("docs/compare.md", false_verdicts()),
        ("docs/compare.md", f"in {held_by('corrected')}, the interval"),
        ("docs/splits.md", f"in {by_groups('error rate', 'naive, holds the truth')} of the"),
        ("docs/splits.md", f"in {by_groups('error rate', 'grouped, holds the truth')} of them"),
        ("docs/splits.md", f"the worst it did in {worst_by_groups()}"),
        ("docs/splits.md", f"in {by_groups('two equal classifiers', 'naive, false verdicts')}"),
        ("docs/splits.md", f"in {by_groups('two equal classifiers', 'grouped, false verdicts')}"),
        ("docs/splits.md", f"ROC area in {scores_by_groups('ROC area', _BY_IMAGES)} %"),
        ("docs/splits.md", f"precision in {scores_by_groups('average precision', _BY_IMAGES)} %"),
        ("docs/splits.md", f"photos in {scores_by_groups(_OUTLOOK, _BY_IMAGES)} %"),
        (
            "docs/splits.md",
            "in {}, {} and {} %;".format(
                *(
                    scores_by_groups(figure, "grouped, holds the truth")
                    for figure in ("ROC area", "average precision", _OUTLOOK)
                )
            ),
        ),
        (
            "docs/splits.md",
            "{}, {} and {} % for the intervals by groups, and {} % for".format(
                *(
                    min(all_scores_by_groups(figure, "grouped, holds the truth at least, %"))
                    for figure in ("ROC area", "average precision", _OUTLOOK)
                ),
                max(all_scores_by_groups(_CALIBRATED, "grouped, called off, %")),
            ),
        ),
        ("docs/splits.md", f"{scores_by_groups(_CALIBRATED, 'naive, called off')} % by images"),
        ("docs/splits.md", f"{scores_by_groups(_CALIBRATED, 'grouped, called off')} % by groups"),
        ("docs/compare.md", f"correction in {held_by('naive')}"),
        ("docs/cluster.md", f"ingest ({more_over_ray('ray_ingest')}) or"),
        ("docs/cluster.md", f"presize ({more_over_ray('ray_pets')}):"),
        ("docs/report.md", "in {:.0f} to {:.0f} % of 50".format(*ends_of("digits", "pets"))),
        ("docs/report.md", "{:.0f} to {:.0f} % of hands".format(*ends_of("hands", "signs"))),
        (
            "docs/unequal_classes.md",
            "{} % without balance, {} % with `sqrt` and {} % with `full`".format(
                *by_balance("macro recall, %")
            ),
        ),
        ("docs/unequal_classes.md", "{}, {} and {} %;".format(*by_balance("accuracy, %"))),
        (
            "docs/gpu.md",
            "{median} times as fast ({min} to {max})".format(
                **compiled("images/s, compiled / same")
            ),
        ),
        (
            "docs/gpu.md",
            f"takes {first_compiled_step('empty')}, or {first_compiled_step('full')} when",
        ),
        (
            "docs/gpu.md",
            f"from {pays_from('empty')} images that training sees, or from {pays_from('full')};",
        ),
        (
            "docs/unequal_classes.md",
            "{}, {} and {} points".format(*by_balance("calibration error, points")),
        ),
    ],
)
def test_other_pages_repeat_a_figure_as_it_was_measured(page: str, figure: str) -> None:
    """What another page says of a result is the same, rounded as there."""
    assert figure in PAGES[page]


@pytest.mark.parametrize(
    "stage", ["ingest", "presize", "datablock", "baseline", "interpret", "compare"]
)
def test_what_a_million_photos_take_is_what_was_measured(stage: str) -> None:
    """A row of docs/large.md has a stage's minutes and GB as the results have them."""
    million = RESULTS["million"]
    figures = {
        **million["a million photos"]["figures"],
        **million["results of a million photos"]["figures"],
    }
    minutes = figures[f"{stage}, processor minutes"]
    memory = figures[f"{stage}, GB"]["memory"]
    row = re.escape(f"| {minutes} | {memory} |")
    assert re.search(rf"\| `{stage}`[^|]* {row}", PAGES["docs/large.md"])


def test_what_a_million_photos_in_tars_take_is_what_was_measured() -> None:
    """The seconds in docs/large.md are those of the results, and dvc takes the 5 s at most."""
    figures = RESULTS["million"]["a million photos in tars"]["figures"]
    seconds = {name: value for name, value in figures.items() if name.endswith("seconds")}
    assert len(seconds) == 5
    assert [
        name for name, value in seconds.items() if f"{value} s" not in PAGES["docs/large.md"]
    ] == []
    assert figures["dvc repro, processor seconds"] <= 5


def test_what_tables_take_is_what_was_measured() -> None:
    """docs/large.md has the seconds and sizes of both formats as the results have them."""
    figures = RESULTS["tables"]["index"]["figures"]
    for name in ("CSV", "Parquet"):
        size = figures[f"{name}, MB"]
        assert f"{size:.0f} MB" in PAGES["docs/large.md"]
        for what in ("written", "read"):
            seconds = figures[f"{name}, {what}, processor seconds"]["median"]
            assert f" {str(seconds).removeprefix('0')} " in PAGES["docs/large.md"]


def test_every_result_says_where_it_comes_from() -> None:
    """A part of the results has the commit, the machine and the versions that gave it."""
    for name, parts in RESULTS.items():
        for part, result in parts.items():
            assert re.match(r"[0-9a-f]{7,}", result["commit"]), (name, part)
            assert result["machine"]["cores"], (name, part)
            assert result["machine"]["versions"], (name, part)


def test_every_benchmark_is_listed() -> None:
    """benchmarks/README.md has a row for each script that can be run by itself."""
    text = (ROOT / "benchmarks" / "README.md").read_text(encoding="utf-8")
    scripts = {
        path.name
        for path in (ROOT / "benchmarks").glob("*.py")
        if '__name__ == "__main__"' in path.read_text(encoding="utf-8")
    }
    assert scripts <= set(re.findall(r"`(\w+\.py)`", text))


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ({"median": 2.5, "min": 2, "max": 3, "n": 5, "target": "4"}, "2.5 (2 to 3, n 5)"),
        ({"ours": 4.3, "fastai": 17.9}, "ours 4.3, fastai 17.9"),
        ([1, 2], "1, 2"),
        ("33 of 48", "33 of 48"),
    ],
)  # fmt: skip
def test_a_figure_is_written_with_its_spread(value: Any, words: str) -> None:
    """A figure shows its median, range and runs; other values stand as they are."""
    assert table.figure_text(value) == words


def test_figures_of_several_numbers_have_a_column_for_each() -> None:
    """A key is named once, a figure without it has an empty cell, and aims keep their column."""
    about = {"commit": "abc", "machine": {"cores": 2, "processor": "x", "versions": {}}}
    wide = {"one": {"width": 2, "error, %": 3.5}, "two": {"width": 4}}
    aimed = {"one": {"memory": 2, "target": "at most 2"}, "two": {"memory": 3}}
    text = table.page(
        {"a": {"wide": {**about, "figures": wide}}, "b": {"x": {**about, "figures": aimed}}}
    )
    assert (
        "| figure | error, % | width |\n| --- | --- | --- |\n| one | 3.5 | 2 |\n| two |  | 4 |\n"
        in text
    )
    assert "| one | memory 2 | at most 2 |\n| two | memory 3 |  |\n" in text


@pytest.mark.parametrize("unmarked", [table.README, table.MEASURED])
def test_a_page_without_the_marks_is_an_error(tmp_path: Path, unmarked: Path) -> None:
    """Where the table belongs must be marked: it is never put anywhere else."""
    (tmp_path / "docs").mkdir()
    shutil.copytree(ROOT / table.RESULTS, tmp_path / table.RESULTS)
    for page in (table.README, table.MEASURED):
        (tmp_path / page).write_text(table.BEGIN + table.END)
    (tmp_path / unmarked).write_text("# No marks\n")
    with pytest.raises(UserError, match=f"{unmarked} lacks the lines"):
        table.written(tmp_path)


def test_a_result_has_the_commit_that_was_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The commit is marked where source differs from it, and not where another result does."""

    def git(*words: str) -> str:
        names = ("-c", "user.name=a", "-c", "user.email=a@b.c")
        command = ["git", "-C", str(tmp_path), *names, *words]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()

    results = tmp_path / "benchmarks" / "results"
    results.mkdir(parents=True)
    source = tmp_path / "source.py"
    source.write_text("1\n", encoding="utf-8")
    (results / "speed.json").write_text("{}\n", encoding="utf-8")
    monkeypatch.setattr(measure, "RESULTS", results)
    git("init", "-q")
    git("add", ".")
    git("commit", "-q", "-m", "first")
    git("tag", "-a", "v1", "-m", "a release")
    commit = git("rev-parse", "--short=7", "HEAD")
    for part in ("first", "second"):
        measure.record("speed", part, {}, {})
    source.write_text("2\n", encoding="utf-8")
    measure.record("speed", "third", {}, {})
    content = json.loads((results / "speed.json").read_text(encoding="utf-8"))
    commits = {part: result["commit"] for part, result in content.items()}
    assert commits == {"first": commit, "second": commit, "third": f"{commit}-dirty"}


def test_without_git_the_commit_is_unknown(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """On a bare machine a result is kept all the same."""
    monkeypatch.setenv("PATH", str(tmp_path))
    assert measure._commit() == "unknown"
