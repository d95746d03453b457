"""Other libraries, each trained on the division of a folder by a process of its own.

fastai has the four epochs of its fine_tune. The others have as many as come nearest to the seconds
of our recipe, or to so many times as many: one epoch is trained first, once a folder, to see how
long it takes. AutoGluon is given the seconds themselves.
"""

import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path

import numpy as np

from benchmarks.answers import Answers
from benchmarks.training import measured, read

FASTAI = "fastai"
TIMM = "timm"
TORCHVISION = "torchvision"
AUTOGLUON = "autogluon"
PEERS = (FASTAI, TIMM, TORCHVISION, AUTOGLUON)
# torchvision's script measures how often the label is among so many most probable classes.
LEAST_CLASSES = 5


def add_peer_options(parser: ArgumentParser) -> None:
    """Let a benchmark be told which peers to run, on how many seeds, and where their files are."""
    parser.add_argument("--peers", nargs="*", default=[], choices=PEERS)
    parser.add_argument("--peer-seeds", type=int, default=1)
    parser.add_argument(
        "--peer-times", nargs="*", type=float, default=[1.0],
        help="for each run of a peer but fastai, how many times our seconds it has",
    )  # fmt: skip
    parser.add_argument("--timm-train", type=Path, help="train.py of timm's repository")
    parser.add_argument("--torchvision-references", type=Path, help="its references/classification")
    parser.add_argument("--torchvision-weights", type=Path, help="ImageNet weights of a resnet50")


def files_of(peer: str, options: Namespace) -> list[str]:
    """Return the files that a peer's script is given; one that is not named ends the benchmark."""
    files: dict[str, list[Path | None]] = {
        FASTAI: [],
        AUTOGLUON: [],
        TIMM: [options.timm_train],
        TORCHVISION: [options.torchvision_references, options.torchvision_weights],
    }
    if not all(path and path.exists() for path in files[peer]):
        raise SystemExit(f"--peers {peer} needs files by the options --{peer}-..., as --help says")
    return [str(path.resolve()) for path in files[peer] if path]


def epochs_within(seconds: float, of_one: float) -> int:
    """Return how many epochs come nearest to so many seconds; at least one."""
    return max(1, round(seconds / of_one))


def peer_name(peer: str, times: float) -> str:
    """Return the name of a peer's answers where it had so many times our seconds."""
    return peer if times == 1 else f"{peer}, {times:g} times as long"


def is_peer(name: str) -> bool:
    """Return whether a name of answers is that of a peer, however long it trained."""
    return name.partition(",")[0] in PEERS


def answers_of_peers(
    folder: Path, peers: list[str], ours: Answers, options: Namespace
) -> dict[str, Answers]:
    """Return the answers of each peer on the division of the folder, by its name.

    All but fastai train once for each of the times of our seconds, fastai once.
    """
    results = {}
    for peer in peers:
        if peer == TORCHVISION and ours.pred_probs.shape[1] < LEAST_CLASSES:
            print(f"torchvision: left out, since its script needs {LEAST_CLASSES} classes")
            continue
        files = files_of(peer, options)
        for times in [1.0] if peer == FASTAI else options.peer_times:
            results[peer_name(peer, times)] = _answers_of(peer, folder, ours, times, files)
    return results


def _answers_of(peer: str, folder: Path, ours: Answers, times: float, words: list[str]) -> Answers:
    recipe = "fine_tune"
    if peer == AUTOGLUON:
        words = ["--seconds", str(round(times * ours.seconds))]
        recipe = "medium_quality"
    elif peer != TORCHVISION:  # whose script mirrors always
        flip = read(folder, "fine_tune/recipe.json")["recipe"]["flip"]
        words = [*words, "--flip" if flip else "--no-flip"]
    if peer in (TIMM, TORCHVISION):
        one = folder / f"{peer}-one-epoch.npz"
        if not one.exists():
            _train(peer, folder, one, [*words, "--epochs", "1"])
        with np.load(one) as arrays:
            epochs = epochs_within(times * ours.seconds, float(arrays["seconds_an_epoch"]))
        words = [*words, "--epochs", str(epochs)]
        recipe = f"{epochs} epochs"
    result = folder / f"{peer}.npz"
    seconds, megabytes = _train(peer, folder, result, words)
    with np.load(result) as arrays:
        if not np.array_equal(arrays["targets"], ours.targets):
            raise SystemExit(f"{peer} has other images in validation, or in another order")
        return Answers(
            pred_probs=arrays["pred_probs"],
            targets=arrays["targets"],
            seconds=seconds,
            megabytes=megabytes,
            recipe=recipe,
        )


def _train(peer: str, folder: Path, result: Path, words: list[str]) -> tuple[float, float]:
    """Run a peer's script and return its seconds, and its most memory in MB."""
    module = f"benchmarks.with_{peer}"
    return measured([sys.executable, "-m", module, str(folder), str(result), *words], folder)
