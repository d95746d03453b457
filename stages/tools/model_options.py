"""The options by which predict and evaluate name a model, and the model that they name."""

import argparse
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from stages.base.errors import UserError
from stages.base.parts import PRIVATE_FOLDER
from stages.base.stage_lock import stage_at_work
from stages.compare.dvc_cache import open_dvc_cache
from stages.compare.dvc_lock import output_hashes, read_lock
from stages.compare.git import GitHistory
from stages.predict.crops import CropsName
from stages.predict.model_files import ResultFiles, model_in_folder
from stages.predict.opened_model import OpenedModel, open_export, open_model
from stages.predict.past_model import past_model

RESULTS = ResultFiles(
    lock="dvc.lock",
    model="data/model",
    card="data/model/model.json",
    details="reports/interpret/details.json",
)


def add_model_options(parser: argparse.ArgumentParser) -> None:
    """Add --right, and --model or --rev."""
    parser.add_argument(
        "--right", type=float, default=0.95, help="sure: right so often; default: %(default)s"
    )
    which = parser.add_mutually_exclusive_group()
    which.add_argument(
        "--model", type=Path, default=Path(RESULTS.model), help="a model folder, or an .onnx"
    )
    which.add_argument("--rev", help="the model of a commit, a tag or a DVC experiment")


def check_model_options(options: argparse.Namespace) -> None:
    """Refuse a --right that is no share."""
    if not 0 < options.right < 1:
        raise UserError(f"--right {options.right}: a share between 0 and 1, such as .95")


def refuse_removed(root: Path, lock_content: bytes | None) -> None:
    """Raise the UserError that brings the model of dvc.lock back, where DVC's cache has it.

    A run that was ended, or failed, has removed it: DVC removes outputs before their stage runs.
    """
    lock = read_lock(lock_content, RESULTS.lock) or {}
    md5 = output_hashes(lock).get(RESULTS.model)
    if md5 and open_dvc_cache(root).has(md5):
        raise UserError(
            f"{RESULTS.model} has no model now, and DVC's cache has that of {RESULTS.lock}; bring "
            "it back: dvc checkout -f fine_tune, or let `make repro` make the new one"
        )


@contextmanager
def named_model(options: argparse.Namespace, crops: CropsName = "none") -> Iterator[OpenedModel]:
    """Give the model that the options name, for a block."""
    if options.rev is not None:
        root = Path.cwd()
        with past_model(GitHistory(root), options.rev, open_dvc_cache(root), RESULTS) as files:
            yield open_model(files, RESULTS, options.right, crops)
    elif options.model.suffix.lower() == ".onnx":
        if crops != "none":
            raise UserError(f"--crops {crops}: an .onnx sees the centre; name a folder")
        yield open_export(options.model, options.right)
    else:
        files = model_in_folder(options.model, RESULTS)
        stage = stage_at_work(PRIVATE_FOLDER)
        if files.card is None and stage and options.model == Path(RESULTS.model):
            raise UserError(
                f"{options.model} has no model now, since {stage} is at work here; wait until the "
                "run has ended, or ask the model of a commit: REV=HEAD of make, --rev HEAD here"
            )
        if files.card is None and options.model == Path(RESULTS.model):
            refuse_removed(Path.cwd(), files.lock)
        yield open_model(files, RESULTS, options.right, crops)
