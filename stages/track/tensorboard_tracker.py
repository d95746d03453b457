"""TensorBoard: event files in a folder of the run."""

from pathlib import Path

from torch.utils.tensorboard import SummaryWriter

from stages.track.tracker import Numbers, Values


class TensorBoardTracker:
    """A folder of event files; params stand beside the metrics of the end, under HPARAMS."""

    def __init__(self, folder: Path, name: str) -> None:
        """Write into folder/name."""
        # Written at once: the default is two minutes, a whole training on the sample.
        self._writer = SummaryWriter(folder / name, flush_secs=1)
        self._params: dict[str, str | float | bool] = {}

    def tell_params(self, params: Values) -> None:
        """Keep params for the end; TensorBoard takes them once, with the metrics."""
        for key, value in params.items():
            self._params[key] = value if isinstance(value, str | int | float) else str(value)

    def tell_metrics(self, metrics: Numbers, epoch: int | None) -> None:
        """Write scalars of an epoch, or the metrics of the end beside the params."""
        if epoch is None:
            final = {f"final/{key}": value for key, value in metrics.items()}
            self._writer.add_hparams(self._params, final, run_name=".")
        else:
            for key, value in metrics.items():
                self._writer.add_scalar(key, value, epoch)

    def close(self, _finished: bool) -> None:
        """Write what is left."""
        self._writer.close()
