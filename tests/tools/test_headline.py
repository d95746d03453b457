"""The headline of a run: error rates with their intervals, and whether training was worth it."""

import json
from pathlib import Path
from typing import get_args

import pytest

from stages.base.errors import UserError
from stages.page.formatting import VERDICTS
from stages.stats.compared_metrics import ComparedMetrics
from stages.stats.metrics_record import IntervalRecord, Verdict
from stages.tools import headline
from tests.compare.example_history import ExampleHistory, outcomes_table, validated

FILE = Path("reports/interpret/metrics.json")
COMMITTED = (Path(__file__).parents[2] / FILE).read_text("utf-8")


@pytest.fixture
def metrics() -> ComparedMetrics:
    """Return the metrics of the committed run, with other error rates and another verdict."""
    content: ComparedMetrics = json.loads(COMMITTED)
    content["error_rate"] = IntervalRecord(value=0.045, low=0.0249, high=0.0806)
    content["baseline"]["error_rate"] = IntervalRecord(value=0.2, low=0.15, high=0.26)
    content["versus_baseline"]["verdict"] = "better"
    content["versus_baseline"]["p"] = 3.2e-7
    return content


def test_error_baseline_and_verdict_each_have_a_line(metrics: ComparedMetrics) -> None:
    """Rates are in percent with their intervals, and the verdict is that of the paired test."""
    assert headline.result_lines(metrics) == [
        "Error rate  4.5 % (95 % interval 2.5 to 8.1 %)",
        "Baseline    20.0 % (95 % interval 15.0 to 26.0 %), a linear model on the frozen features",
        "Verdict     Fine-tuning is better than the linear probe (paired test, p = 3.2e-07)",
    ]


def test_unequal_classes_have_the_mean_recall_beside_the_error(metrics: ComparedMetrics) -> None:
    """Where class sizes differ fivefold, the second line is the recall as every class counts."""
    metrics["unequal_classes"] = True
    metrics["macro_recall"] = IntervalRecord(value=0.8, low=0.7, high=0.9)
    recall = "Recall      80.0 % (95 % interval 70.0 to 90.0 %), the mean over classes"
    assert headline.result_lines(metrics)[1] == recall


@pytest.mark.parametrize("verdict", get_args(Verdict))
def test_a_verdict_is_the_sentence_of_the_page(metrics: ComparedMetrics, verdict: Verdict) -> None:
    """None of the three answers is printed as the bare word."""
    metrics["versus_baseline"]["verdict"] = verdict
    assert f"Verdict     {VERDICTS[verdict]} (" in headline.result_lines(metrics)[-1]


def test_the_command_reads_the_metrics_of_the_last_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The command prints the result and where the page is; without a run it says what to do."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match=r"metrics\.json is missing; `make repro`"):
        headline.main()
    FILE.parent.mkdir(parents=True)
    FILE.write_text(COMMITTED, "utf-8")
    headline.main()
    lines = "\n".join(headline.result_lines(json.loads(COMMITTED)))
    assert capsys.readouterr().out == f"\n{lines}\nThe page    reports/index.html\n"


def test_a_leak_has_a_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What makes the error look too small is said again; no line without, or of no report."""
    monkeypatch.chdir(tmp_path)
    file = Path("reports/datablock/summary.json")
    assert headline.leak_lines() == []
    file.parent.mkdir(parents=True)
    for content in ("{}", "[", '{"findings": ["x"]}', '{"findings": [{"message": "odd"}]}'):
        file.write_text(content)
        assert headline.leak_lines() == []
    file.write_text('{"findings": [{"leak": "groups train and validate"}]}')
    assert headline.leak_lines() == [
        "Warning     The error may be too small, since groups train and validate;"
        " reports/datablock/summary.txt says more."
    ]


def test_changed_labels_of_validation_have_a_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A label that changed since the last commit is a line; the same labels, or no commit, none."""
    history = ExampleHistory(tmp_path / "repo")
    monkeypatch.chdir(history.root)
    assert headline.changed_validation_lines() == []
    photos = {f"{n}.jpg": (str(n), "cat", "valid") for n in range(9)}
    history.write_run(validated(photos), photos)
    assert headline.changed_validation_lines() == []
    history.commit("v1")
    assert headline.changed_validation_lines() == []
    photos["3.jpg"] = ("3", "dog", "valid")
    history.write_run(validated(photos), photos)
    assert headline.changed_validation_lines() == [
        "Changed     1 validation label changed since the last commit, whose error rate is of other"
        " labels or photos; make compare tests on the common ones"
    ]
    history.commit("v2")
    assert headline.changed_validation_lines() == []
    own = {f"own/{n}.jpg": (f"o{n}", "cup", "valid") for n in range(9)}
    history.write_run(validated(own), own)
    assert headline.changed_validation_lines() == [
        "Changed     the validation photos are others than those of the last commit"
    ]


def test_the_first_run_of_own_photos_is_of_another_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the last commit is of another ingest.images, that is said, and nothing has changed."""
    history = ExampleHistory(tmp_path / "repo")
    monkeypatch.chdir(history.root)
    photos = {f"{n}.jpg": (str(n), "cat", "valid") for n in range(9)}
    history.write_run(validated(photos), photos, {"ingest": {"images": "data/sample"}})
    history.commit("sample")
    own = {f"own/{n}.jpg": (f"o{n}", "cup", "valid") for n in range(9)}
    history.write_run(validated(own), own, {"ingest": {"images": "data/photos"}})
    assert headline.changed_validation_lines() == [
        "New photos  the last commit is of another set (ingest.images: 'data/sample'); make compare"
        " begins with the commit of this run"
    ]
    history.commit("own")
    assert headline.changed_validation_lines() == []


def test_the_best_of_several_runs_has_a_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where git has other runs on the same images, the best is corrected for choosing."""
    history = ExampleHistory(tmp_path / "repo")
    monkeypatch.chdir(history.root)
    assert headline.best_run_lines() == []
    for wrong in (4, 2):
        rows = [(f"{n:02}.jpg", "cat", "dog" if n < wrong else "cat") for n in range(50)]
        history.write_run(outcomes_table(rows))
        history.commit(f"v{wrong}")
    (line,) = headline.best_run_lines()
    assert line.startswith("Best of 2 runs on the 50 images that all of them have, v2: ")
    assert ": 4.0 % error, corrected for choosing 4." in line


def test_a_run_that_no_commit_has_says_how_to_keep_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The command to commit stands below a new run, and no more when git has its dvc.lock."""
    history = ExampleHistory(tmp_path / "repo")
    monkeypatch.chdir(history.root)
    assert headline.commit_lines() == []  # nothing is committed yet, so nothing can differ
    history.commit("first")
    Path("dvc.lock").write_text("stages: {}\n", "utf-8")
    (line,) = headline.commit_lines()
    assert line.startswith("To keep it  git commit -a")
    history.commit("second")
    assert headline.commit_lines() == []


def test_the_command_to_keep_a_run_leaves_photos_to_dvc(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`git commit -a` takes the files of a run that git has, and no file that is new to it."""
    history = ExampleHistory(tmp_path / "repo")
    monkeypatch.chdir(history.root)
    for name in ("dvc.lock", "params.yaml"):
        Path(name).write_text("first\n", "utf-8")
    history.commit("first")
    for name in ("dvc.lock", "params.yaml", "private.jpg"):
        Path(name).write_text("second\n", "utf-8")
    (line,) = headline.commit_lines()
    command = line.removeprefix("To keep it  git ").partition(":")[0].split()
    history.git(*command, "-qm", "second")
    assert set(history.git("ls-tree", "--name-only", "HEAD").split()) == {
        *(".gitignore", "dvc.lock", "params.yaml"),
    }
    assert headline.commit_lines() == []


@pytest.mark.parametrize(
    "content",
    [
        *("", "[]", "{}", "null", "NaN", '{"error_rate": 0.1}', "\xff"),
        COMMITTED.replace('"verdict"', '"virdict"'),
        COMMITTED.replace('"value": ', '"value": "text", "was": '),
        COMMITTED.replace('"low": ', '"low": null, "was": '),
    ],
)
def test_damaged_metrics_are_a_line_that_names_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: str
) -> None:
    """What is no JSON, lacks a key or has a value of another type is one line with the remedy."""
    monkeypatch.chdir(tmp_path)
    FILE.parent.mkdir(parents=True)
    FILE.write_text(content, "latin-1" if content == "\xff" else "utf-8")
    with pytest.raises(UserError, match=r"metrics\.json is damaged .*`make repro`") as error:
        headline.main()
    assert "\n" not in str(error.value)
