"""MLflow: a run in the store that MLFLOW_TRACKING_URI names, else in a file here."""

import os
from pathlib import Path

import mlflow

from stages.track.tracker import Numbers, Values

# A server that is away is tried again for two minutes by default, and for ten seconds by these.
_PATIENCE = {"MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2", "MLFLOW_HTTP_REQUEST_TIMEOUT": "10"}
_LONGEST_VALUE = 500  # that every server takes
_MOST_PARAMS = 100  # in one request


class MlflowTracker:
    """A run of MLflow; its experiment is MLFLOW_EXPERIMENT_NAME, else finetrack."""

    def __init__(self, folder: Path, name: str) -> None:
        """Start a run of this name; folder: where its files lie unless MLflow's variables say."""
        for variable, value in _PATIENCE.items():
            os.environ.setdefault(variable, value)
        if not os.environ.get("MLFLOW_TRACKING_URI"):
            folder.mkdir(parents=True, exist_ok=True)
            mlflow.set_tracking_uri(f"sqlite:///{folder.absolute() / 'mlflow.db'}")
        mlflow.set_experiment(os.environ.get("MLFLOW_EXPERIMENT_NAME") or "finetrack")
        mlflow.start_run(run_name=name)

    def tell_params(self, params: Values) -> None:
        """Note params, as text."""
        texts = {key: str(value)[:_LONGEST_VALUE] for key, value in params.items()}
        names = list(texts)
        for first in range(0, len(names), _MOST_PARAMS):
            mlflow.log_params({name: texts[name] for name in names[first : first + _MOST_PARAMS]})

    def tell_metrics(self, metrics: Numbers, epoch: int | None) -> None:
        """Note metrics with their epoch; those of the end are named `final.` and have none."""
        if epoch is None:
            mlflow.log_metrics({f"final.{key}": value for key, value in metrics.items()})
        else:
            mlflow.log_metrics(dict(metrics), step=epoch)

    def close(self, finished: bool) -> None:
        """End the run as FINISHED or KILLED."""
        mlflow.end_run("FINISHED" if finished else "KILLED")
