"""The learning-rate finder's answers over 20 seeds, and what following each answer costs.

For each set the real lr_find runs once a seed, on a split of its own, with params.yaml as it is
otherwise. Then fine_tune runs at each rate of a grid; what an answer costs is read from that curve,
between the rates of the grid.
Run: python -m benchmarks.rates [digits] [pets] [--photos FOLDER] [--seeds N] [--trainings N], where
FOLDER holds photos of pets named like great_pyrenees_173.jpg.
Results: benchmarks/results/rates.json.
"""

import argparse
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.defaults import PACKAGES
from benchmarks.measure import machine, record
from benchmarks.photos import change
from benchmarks.training import divide, prepared_sets, read, run
from stages.train.lr_suggest import FALLBACK

GRID = (0.000125, 0.0005, 0.002, 0.008, 0.032, 0.128)


def answers_of(folder: Path, seeds: int) -> dict[str, np.ndarray]:
    """Return the rates of each rule and the consensus, one for each seed; NaN where refused."""
    change(folder, {"fine_tune.base_lr": "find"})
    answers = []
    for seed in range(1, seeds + 1):
        divide(folder, seed)
        run(folder, "lr_find")
        suggestion = read(folder, "lr_find/suggestion.json")
        rates = suggestion["rules"] | {"consensus": suggestion["consensus"]}
        answers.append(dict.fromkeys(rates, np.nan) if suggestion["reason"] else rates)
        print(f"seed {seed}: {suggestion['reason'] or rates}", flush=True)
    return {rule: np.array([rates[rule] for rates in answers]) for rule in answers[0]}


def errors_of(folder: Path, trainings: int) -> np.ndarray:
    """Return the error in percent at each rate of the grid: (trainings, rates)."""
    errors = np.empty((trainings, len(GRID)))
    for row in range(trainings):
        divide(folder, row + 1)
        for column, rate in enumerate(GRID):
            change(folder, {"fine_tune.base_lr": rate})
            run(folder, "lr_find")
            run(folder, "fine_tune")
            errors[row, column] = 100 * read(folder, "fine_tune/metrics.json")["error_rate"]
            print(f"division {row + 1}, rate {rate}: {errors[row, column]:.1f} %", flush=True)
    return errors


def spread_of(answers: dict[str, np.ndarray]) -> dict[str, Any]:
    """Return the median of every rule, how far its answers scatter, and how many were refused."""
    return {
        rule: {
            "median": float(f"{np.nanmedian(rates):.2g}"),
            "min": float(np.nanmin(rates)),
            "max": float(np.nanmax(rates)),
            "deviation, decades": round(float(np.nanstd(np.log10(rates), ddof=1)), 2),
            "n": int(np.isfinite(rates).sum()),
            "refused": int(np.isnan(rates).sum()),
        }
        for rule, rates in answers.items()
    }


def costs_of(answers: dict[str, np.ndarray], errors: np.ndarray) -> dict[str, Any]:
    """Return the error at each rate of the grid, and what every rule costs against the best.

    A refused sweep is followed at the fallback, as fine_tune does.
    """
    curve = errors.mean(axis=0)
    figures: dict[str, Any] = {
        f"error at {rate}, %": {"mean": round(float(mean), 1), "n": len(errors)}
        for rate, mean in zip(GRID, curve, strict=True)
    }
    for rule, suggested in answers.items():
        rates = np.where(np.isnan(suggested), FALLBACK, suggested)
        followed = np.interp(np.log10(rates), np.log10(GRID), curve)
        figures[rule] = {
            "costs, points of error": round(float(followed.mean() - curve.min()), 1),
            "answers off the grid": int(np.sum((rates < GRID[0]) | (rates > GRID[-1]))),
        }
    return figures


def main() -> None:
    """Measure the sets named, by default both as far as there are photos."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--trainings", type=int, default=1, help="0: the answers alone")
    for name, folder, options in prepared_sets(parser):
        answers = answers_of(folder, options.seeds)
        record("rates", name, machine(PACKAGES), spread_of(answers))
        if options.trainings:
            costs = costs_of(answers, errors_of(folder, options.trainings))
            record("rates", f"{name}, followed", machine(PACKAGES), costs)


if __name__ == "__main__":
    main()
