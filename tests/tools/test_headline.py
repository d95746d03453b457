"""The headline says the error rate, how sure it is, and whether training was worth it."""

import json
from pathlib import Path

import pytest

from stages.base.errors import UserError
from stages.tools import headline


def rate(value: float, low: float, high: float) -> dict[str, float]:
    """Return a rate as metrics.json has it."""
    return {"value": value, "low": low, "high": high}


METRICS = {
    "error_rate": rate(0.045, 0.0249, 0.0806),
    "baseline": {"error_rate": rate(0.2, 0.15, 0.26)},
    "versus_baseline": {"verdict": "better", "p": 3.2e-7},
}


def test_all_three_lines() -> None:
    """Error, baseline and verdict each have a line, in percent with intervals."""
    error, baseline, verdict = headline.result_lines(METRICS).splitlines()
    assert error.split(None, 2) == ["Error", "rate", "4.5 % (95 % interval 2.5 to 8.1 %)"]
    assert "20.0 % (95 % interval 15.0 to 26.0 %)" in baseline
    assert "better than the baseline (paired test, p = 3.2e-07)" in verdict


@pytest.mark.parametrize("verdict", ["better", "worse", "cannot tell"])
def test_each_verdict_reads_as_a_sentence(verdict) -> None:
    """None of the three answers is printed as the bare word."""
    text = headline.result_lines({**METRICS, "versus_baseline": {"verdict": verdict, "p": 1.0}})
    assert headline.VERDICTS[verdict] in text


def test_no_baseline_is_no_failure() -> None:
    """Metrics without a baseline still give the error rate."""
    assert len(headline.result_lines({"error_rate": rate(0, 0, 0.02)}).splitlines()) == 1


def test_the_command_reads_the_metrics_of_the_last_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The command prints the headline and where the page is; without a run it says what to do."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match="make repro"):
        headline.main()
    headline.METRICS.parent.mkdir(parents=True)
    headline.METRICS.write_text(json.dumps(METRICS))
    headline.main()
    out = capsys.readouterr().out
    assert headline.result_lines(METRICS) in out
    assert "reports/index.html" in out
