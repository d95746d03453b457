"""The model of a past run, from git and DVC's cache, without touching the work tree."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from stages.base.errors import UserError
from stages.base.files import write_bytes
from stages.compare.dvc_cache import FETCH_REMEDY, DvcCache, md5_of
from stages.compare.dvc_lock import output_hashes, read_lock
from stages.compare.git import GitHistory, Revision
from stages.predict.model_files import ModelFiles, ResultFiles, content_of


@contextmanager
def past_model(
    history: GitHistory, name: str, cache: DvcCache, files: ResultFiles
) -> Iterator[ModelFiles]:
    """Give the model of a revision or an experiment for a block.

    UserError where the name means several, or the revision has no model, or DVC's cache lacks it.
    """
    revision, *others = history.resolve(name)
    if others or not revision.commit:
        raise UserError(
            f"--rev {name} names no single commit or experiment; see: git log --oneline"
        )
    content = history.read(revision, files.lock)
    lock = read_lock(content, f"{files.lock} of {revision.name}") or {}
    outputs = output_hashes(lock)
    model = outputs.get(files.model)
    if model is None:
        raise UserError(f"{files.lock} of {revision.name} names no {files.model}; see: git log -- "
                        f"{files.lock}")  # fmt: skip
    contents = _contents(cache, model, f"{files.model} of {revision.name}")
    with TemporaryDirectory() as scratch:
        folder = Path(scratch, _folder_name(revision))
        for path, file_content in contents.items():
            target = folder / path
            target.parent.mkdir(parents=True, exist_ok=True)
            write_bytes(target, file_content)
        yield ModelFiles(
            folder=folder,
            card=content_of(folder / Path(files.card).name),
            lock=content,
            details=cache.read(outputs.get(files.details)),
        )


def _folder_name(revision: Revision) -> str:
    """Return a name by which an error about the model says which revision it is of."""
    return f"model-of-{revision.short}"


def _contents(cache: DvcCache, md5: str, what: str) -> dict[str, bytes]:
    """Return the content of each file of a folder in DVC's cache, by its path in the folder."""
    objects = cache.folder_files(md5)
    if objects is None:
        raise UserError(f"DVC's cache lacks {what}; {FETCH_REMEDY}")
    contents = {path: file.read_bytes() for path, file in objects.items()}
    for path, file in objects.items():
        if md5_of(contents[path]) != file.parent.name + file.name:
            raise UserError(
                f"{path} in {what} is damaged in DVC's cache: its content has another md5; delete "
                f"{file}, then {FETCH_REMEDY}"
            )
    return contents
