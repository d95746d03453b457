"""Weights by name: what model.weights may say, known without torch."""

from pathlib import Path, PurePosixPath, PureWindowsPath

WEIGHTS_FOLDER = Path("data/weights")


# Values of model.weights that name no file of somebody's. Each is a small file in WEIGHTS_FOLDER
# nevertheless, since stages depend on data/weights/${model.weights}.
_NO_FILES = ("package", "hub", "none")


def is_file_name(weights: str) -> bool:
    """Return whether a value of model.weights is the name of a file in WEIGHTS_FOLDER."""
    return weights not in _NO_FILES


def refuse_other_places(weights: str) -> str:
    """Return a value of model.weights; ValueError for a path that leads out of WEIGHTS_FOLDER.

    dvc.yaml names the file by this value, so that other content of it reruns the stages.
    """
    path = PurePosixPath(weights)
    folder = WEIGHTS_FOLDER.as_posix()
    inside = path.parts and not path.is_absolute() and ".." not in path.parts
    if inside and str(path) == weights and "\\" not in weights and not path.is_relative_to(folder):
        return weights
    name = PureWindowsPath(weights).name or "its name"
    if inside and path.is_relative_to(folder) and path != PurePosixPath(folder):
        name = str(path.relative_to(folder))
        raise ValueError(f"{weights} would be {folder}/{weights}; write {name}")
    raise ValueError(
        f"{weights} is not the name of a file in {folder}; put or link the file there and write "
        f"{name}"
    )
