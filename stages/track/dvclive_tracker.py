"""DVCLive: tables of the last run, and DVC Studio while training goes on."""

import os
from pathlib import Path

from dvclive import Live

from stages.track.tracker import Numbers, Values


class DvcliveTracker:
    """DVCLive's files in a folder; Studio hears of the run where DVC_STUDIO_TOKEN is set."""

    def __init__(self, folder: Path, name: str) -> None:
        """Take the place of the last run in the folder; name: of the experiment in Studio."""
        # By default it would add its plots to the project's dvc.yaml and save an experiment, both
        # of which are the pipeline's own.
        # An experiment of DVC keeps its name, by which Studio knows it.
        name = os.environ.get("DVC_EXP_NAME") or name
        self._live = Live(str(folder), dvcyaml=None, save_dvc_exp=False, exp_name=name)

    def tell_params(self, params: Values) -> None:
        """Write params."""
        self._live.log_params(dict(params))

    def tell_metrics(self, metrics: Numbers, epoch: int | None) -> None:
        """Write metrics of an epoch, or those of the end."""
        if epoch is not None:
            self._live.step = epoch
        for key, value in metrics.items():
            self._live.log_metric(key, value, plot=epoch is not None)
        if epoch is None:
            self._live.make_summary()
        else:
            self._live.next_step()

    def close(self, _finished: bool) -> None:
        """End the run."""
        self._live.end()
