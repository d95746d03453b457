"""Judged photos without a model, and a project with all that says what its model has seen."""

import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from stages.base.files import sha256_bytes, write_text
from stages.compare.dvc_cache import md5_of
from stages.dataset.inseparable import write_groups
from stages.dataset.manifest import write_images
from stages.dataset.split_files import write_splits
from stages.evaluate.judged_photo import JudgedPhoto
from stages.evaluate.known_photos import RunFiles
from stages.evaluate.measure_photo import PhotoFacts
from stages.evaluate.twins import Seen, Twins
from stages.images.resize import PresizeParams
from stages.predict.answer import NONE_OF_THESE, ClassProbability, PhotoAnswer
from stages.stats.predictions import Predictions, write_predictions
from stages.store.writer import write_store
from tests.dataset.example_photos import scene
from tests.predict.example_run import metrics
from tests.predict.small_model import CARD, make_model

ROOT = Path(__file__).parents[2]
CLASSES = CARD.class_names
FILES = RunFiles(
    lock="dvc.lock",
    card="data/model/model.json",
    images="data/manifest/images.csv",
    splits="data/splits.csv",
    predictions="data/predictions.npz",
    groups="data/groups.csv",
    store="data/presized",
)
PRESIZE = {"size": 48, "format": "jpeg", "quality": 92, "shards": 1, "max_rejected": 0.1}
_REPORT = "reports/interpret/details.json"
# Of eight photos: half train; the last is left out.
SPLITS = ("train", "train", "train", "train", "valid", "valid", "valid", "excluded")


def make_scene(path: Path, number: int) -> Path:
    """Write a photo that is like no other, but for its copies."""
    path.parent.mkdir(parents=True, exist_ok=True)
    scene(number, 160, 120).save(path, quality=95)
    return path


def judged(
    path: str,
    label: str = "cat",
    predicted: str = "cat",
    confidence: float = 0.9,
    *,
    refused: bool = False,
    sure: bool | None = None,
) -> JudgedPhoto:
    """Return a photo that was read and answered."""
    others = [name for name in CLASSES if name != predicted]
    rest = (1 - confidence) / len(others)
    top = [
        ClassProbability(predicted, confidence),
        *(ClassProbability(name, rest) for name in others),
    ]
    p_label = {item.name: item.probability for item in top}.get(label)
    answer = PhotoAnswer(
        path=path,
        predicted=NONE_OF_THESE if refused else predicted,
        confidence=confidence,
        sure=sure,
        top=tuple(top),
    )
    return JudgedPhoto(
        answer=answer,
        label=label,
        p_label=p_label,
        plain_confidence=confidence,
        facts=PhotoFacts(
            sha256=sha256_bytes(path.encode()), phash="", size=100, brightness=0.5, sharpness=9.0
        ),
    )


def unread(path: str, label: str = "cat", *, again: bool = False) -> JudgedPhoto:
    """Return a photo that could not be read."""
    answer = PhotoAnswer(path=path, problem="truncated", again=again)
    return JudgedPhoto(answer=answer, label=label)


def twins_of(
    photos: Sequence[JudgedPhoto],
    seen: Mapping[str, Seen] | None = None,
    same: Mapping[str, str] | None = None,
) -> Twins:
    """Return what photos are copies of; same: path -> the first one of the same picture."""
    read = [photo.path for photo in photos if not photo.problem]
    return Twins(seen=seen or {}, picture={path: path for path in read} | dict(same or {}))


def write_known_project(root: Path, temperature: float = 1.5) -> None:
    """Write a project whose photos, model, report and dvc.lock belong together.

    The photos are data/photos/0.jpg to 7.jpg, on the sides of SPLITS.
    """
    make_model(root / "data" / "model")
    shutil.copy(ROOT / "params.yaml", root / "params.yaml")
    names = [f"{number}.jpg" for number in range(len(SPLITS))]
    photos = root / "data" / "photos"
    contents = [make_scene(photos / name, at).read_bytes() for at, name in enumerate(names)]
    manifest = pd.DataFrame({"path": names, "sha256": [sha256_bytes(one) for one in contents]})
    params = PresizeParams.model_validate(PRESIZE)
    write_store(manifest, photos, root / FILES.store, root / "private", params, 1)
    write_images(root / FILES.images, manifest.assign(format="JPEG", width=160, height=120))
    labels = [CLASSES[at % 3] for at in range(len(names))]
    splits = pd.DataFrame({"path": names, "label": labels, "split": SPLITS, "reason": ""})
    write_splits(root / FILES.splits, splits)
    named = pd.DataFrame({"path": names, "group": ["anna", *[""] * (len(names) - 1)]})
    write_groups(root / FILES.groups, named)
    write_predictions(root / FILES.predictions, example_validation(names))
    write_text(root / _REPORT, metrics(temperature).decode())
    write_lock(root)


def example_validation(names: Sequence[str]) -> Predictions:
    """Return predictions on the validation photos, of which the first is wrong."""
    valid = [at for at, split in enumerate(SPLITS) if split == "valid"]
    targets = np.array([at % 3 for at in valid])
    predicted = np.where(np.arange(len(valid)) == 0, (targets + 1) % 3, targets)
    pred_probs = np.full((len(valid), 3), 0.1, "float32")
    pred_probs[np.arange(len(valid)), predicted] = 0.8
    return Predictions(
        class_names=np.array(CLASSES),
        paths=np.array([names[at] for at in valid]),
        targets=targets,
        pred_probs=pred_probs,
        train_paths=np.array(names[:4]),
        train_targets=np.arange(4) % 3,
        train_margins=np.zeros(4, "float32"),
    )


def write_lock(root: Path) -> None:
    """Write the dvc.lock in which the files of a project are those of one run."""

    def entries(*paths: str) -> list[dict[str, str]]:
        return [{"path": path, "md5": md5_of((root / path).read_bytes())} for path in paths]

    index = (root / FILES.store / "index.csv").read_bytes()
    store = {"path": FILES.store, "md5": f"{md5_of(index)}.dir"}
    stages = {
        "presize": {"params": {"params.yaml": {"presize": PRESIZE}}, "outs": [store]},
        "ingest": {"outs": entries(FILES.images)},
        "datablock": {"outs": entries(FILES.splits, FILES.groups)},
        "fine_tune": {"deps": [store, *entries(FILES.splits)], "outs": entries(FILES.predictions)},
        "interpret": {
            "deps": entries(FILES.card, FILES.predictions, FILES.images, FILES.groups),
            "outs": entries(_REPORT),
        },
    }
    (root / FILES.lock).write_text(json.dumps({"schema": "2.0", "stages": stages}))
