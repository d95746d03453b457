"""Model files: the folder of a model, and what the run that made it left beside it."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class ResultFiles:
    """Where the results of a run lie, from the root of its project."""

    lock: str
    model: str  # folder
    card: str  # the model card in it
    details: str  # of interpret: every number of the report


@dataclass(frozen=True, kw_only=True)
class ModelFiles:
    """A model folder; of its run the content of each file, None where there is none."""

    folder: Path
    card: bytes | None
    lock: bytes | None
    details: bytes | None


def model_in_folder(folder: Path, files: ResultFiles) -> ModelFiles:
    """Return a model folder with the results of the project in which it lies, or of this one."""
    whole = folder.resolve()
    inside = Path(files.model)
    depth = len(inside.parts)
    is_in_place = whole.parts[-depth:] == inside.parts
    root = whole.parents[depth - 1] if is_in_place else Path()
    return ModelFiles(
        folder=folder,
        card=content_of(folder / Path(files.card).name),
        lock=content_of(root / files.lock),
        details=content_of(root / files.details),
    )


def content_of(file: Path) -> bytes | None:
    """Return the content of a file, None where there is none."""
    return file.read_bytes() if file.is_file() else None
