"""Print the result of the last run in a few lines. Run: python -m stages.tools.headline."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from stages.base.errors import UserError, run_command

METRICS = Path("reports/interpret/metrics.json")
PAGE = Path("reports/index.html")
VERDICTS = {
    "better": "fine-tuning is better than the baseline",
    "worse": "fine-tuning is worse than the baseline",
    "cannot tell": "which of the two is better, this few images cannot tell",
}


def result_lines(metrics: Mapping[str, Any]) -> str:
    """Return the error rate with its interval, the baseline's, and whether they differ.

    >>> rate = {"value": 0.045, "low": 0.025, "high": 0.081}
    >>> print(headline({"error_rate": rate, "baseline": {"error_rate": rate}}))
    Error rate  4.5 % (95 % interval 2.5 to 8.1 %)
    Baseline    4.5 % (95 % interval 2.5 to 8.1 %), a linear model on the frozen features
    """
    lines = [f"Error rate  {_rate(metrics['error_rate'])}"]
    if baseline := metrics.get("baseline"):
        what = "a linear model on the frozen features"
        lines.append(f"Baseline    {_rate(baseline['error_rate'])}, {what}")
    if versus := metrics.get("versus_baseline"):
        verdict = VERDICTS.get(versus["verdict"], versus["verdict"])
        lines.append(f"Verdict     {verdict} (paired test, p = {versus['p']:.2g})")
    return "\n".join(lines)


def _rate(rate: Mapping[str, float]) -> str:
    low, high = 100 * rate["low"], 100 * rate["high"]
    return f"{100 * rate['value']:.1f} % (95 % interval {low:.1f} to {high:.1f} %)"


def main() -> None:
    """Print the headline and where the page is."""
    try:
        metrics = json.loads(METRICS.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(f"{METRICS} is missing; `make repro` makes it") from None
    print(f"\n{result_lines(metrics)}")
    print(f"The page    {PAGE}")


if __name__ == "__main__":
    run_command(main)
