"""A short compiled run in a process of its own, which may kill itself; see test_compiled.py.

Run: python -m tests.train.compiled_run CHECKPOINT [STEP], to be killed before a step of all epochs.
"""

import hashlib
import os
import signal
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from stages.batch.batches import Batch
from stages.train.checkpoint import Checkpoints
from stages.train.device import open_device
from stages.train.loop import fine_tune
from tests.train.tiny_training import tiny_batches, tiny_task


class EagerCheckpoints(Checkpoints):
    """A checkpoint file that is written after every step."""

    def due(self, epoch_ends: bool) -> bool:
        """Return that it is time."""
        return True


def main() -> None:
    """Train, and print a hash of the model, the history and the predictions."""
    path, *kill = sys.argv[1:]
    batches = tiny_batches(6, seed=0)
    kill_at = int(kill[0]) if kill else -1

    def epoch_batches(epoch: int, first_step: int) -> Iterator[Batch]:
        for step, batch in enumerate(batches[first_step:], first_step):
            if (epoch - 1) * len(batches) + step == kill_at:
                os.kill(os.getpid(), signal.SIGKILL)
            yield batch

    task = tiny_task(Path(path), compute=open_device("cpu", "fp32", kernels="compiled"))
    task = replace(
        task,
        data=replace(task.data, train_batches=epoch_batches),
        checkpoints=EagerCheckpoints(Path(path), {}),
    )
    result = fine_tune(task, 0.02, lambda line: print(line, file=sys.stderr))
    digest = hashlib.sha256(repr(result.epochs).encode())
    for value in task.model.state_dict().values():
        digest.update(value.numpy().tobytes())
    digest.update(result.validation.pred_probs.tobytes())
    print(digest.hexdigest())


if __name__ == "__main__":
    main()
