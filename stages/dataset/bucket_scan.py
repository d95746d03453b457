"""The scan of a bucket: as that of a folder; what is known by its ETag is not read again."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from tqdm import tqdm

from stages.base.ahead import map_ahead
from stages.base.bucket import Bucket, BucketFile, PhotoFolder, photo_folder
from stages.base.errors import UserError
from stages.base.file_names import refuse_locale
from stages.base.packed import Packed
from stages.base.parts import PRIVATE_FOLDER
from stages.base.storage import REQUESTS_AT_ONCE
from stages.base.storage_errors import says_refused
from stages.cluster.cluster import Cluster
from stages.dataset.fact_record import FactRecord, open_fact_record
from stages.dataset.folder_listing import list_files
from stages.dataset.packed_folder import has_tars_alone, is_packed
from stages.dataset.packed_scan import scan_packed
from stages.dataset.scan import (
    MAX_WHOLE_READ,
    FileFacts,
    Scan,
    facts_of_content,
    facts_of_file,
    headers_only,
    scan_folder,
)
from stages.dataset.system_names import hidden_part
from stages.labels.problem import UNREADABLE, Problem

_RECORD = PRIVATE_FOLDER / "ingest"
_READ_AT_ONCE = 256  # files between two commits of the record: what a killed run reads again


def scan_photos(images: str, workers: int | Cluster) -> Scan:
    """Read and hash every file below the folder or URL that params.yaml names, also in its tars.

    A bucket is read from here even where there is a cluster, since the record of what is known of
    it has one writer.

    UserError where there is no such folder, and where a bucket cannot be read now.
    """
    folder = photo_folder(images)
    if isinstance(folder, Bucket):
        return _scan_bucket(folder)
    return scan_packed(folder, workers) if is_packed(folder) else scan_folder(folder, workers)


def list_paths(folder: PhotoFolder) -> list[str]:
    """Return the paths of the files of a folder or bucket, sorted, without hidden ones."""
    if isinstance(folder, Path):
        return list_files(folder)[0]
    if isinstance(folder, Packed):
        return sorted(folder.places)
    return [file.path for file in list_bucket(folder)[0]]


def list_bucket(bucket: Bucket) -> tuple[list[BucketFile], int]:
    """Return the files of a bucket, sorted by path, and how many files and folders are hidden.

    UserError for a bucket without any or with tars alone, and where the locale has no letters for
    its names.
    """
    files = bucket.files()
    for file in files:
        refuse_locale(file.path)
    hidden = {file.path: hidden_part(file.path) for file in files}
    seen = [file for file in files if not hidden[file.path]]
    if has_tars_alone([file.path for file in seen] if files else [str(bucket)]):
        raise UserError(
            f"{bucket} holds tars alone, and photos in tars are read from a folder of this machine;"
            " copy them here (aws s3 sync, or dvc import-url), or put the photos themselves into"
            " the bucket"
        )
    if not files:
        raise UserError(
            f"{bucket} holds no file; name the folder that holds your photos, as in s3://birds/2024"
        )
    return seen, len({*hidden.values()} - {""})


def _scan_bucket(bucket: Bucket) -> Scan:
    files, hidden = list_bucket(bucket)
    results: list[FileFacts | Problem] = []
    with (
        open_fact_record(_RECORD) as record,
        headers_only(),
        tqdm(desc="ingest", total=len(files), unit="file", disable=None) as bar,
    ):
        for start in range(0, len(files), _READ_AT_ONCE):
            some = files[start : start + _READ_AT_ONCE]
            results += _known_or_read(some, record)
            if start == 0:
                _refuse_unreadable(results, bucket)
            bar.update(len(some))
    facts = [result for result in results if isinstance(result, FileFacts)]
    return Scan(facts, [result for result in results if isinstance(result, Problem)], hidden)


def _refuse_unreadable(results: Sequence[FileFacts | Problem], bucket: Bucket) -> None:
    """Refuse a bucket that refuses each of its first files: one fault, and one line for it."""
    problems = [result for result in results if isinstance(result, Problem)]
    if 1 < len(problems) == len(results) and all(_is_refused(one) for one in problems):
        path, _, detail = problems[0]
        raise UserError(
            f"{bucket} may be listed, but none of its first {len(problems)} files may be read,"
            f" the first of them {path} ({detail}); allow reading"
        )


def _is_refused(problem: Problem) -> bool:
    return problem.problem == UNREADABLE and says_refused(problem.detail)


def _known_or_read(
    files: Sequence[BucketFile], record: FactRecord
) -> Iterator[FileFacts | Problem]:
    """Yield the facts of some files; those that are not in the record are read, several at once."""
    known = list(record.known(files))
    new = [file for file, facts in zip(files, known, strict=True) if facts is None]
    read = list(map_ahead(_read, new, REQUESTS_AT_ONCE))
    whole = [(file, one) for file, one in zip(new, read, strict=True) if isinstance(one, FileFacts)]
    if whole:
        record.save([file for file, _ in whole], [facts for _, facts in whole])
    answers = iter(read)
    for facts in known:
        yield facts or next(answers)


def _read(file: BucketFile) -> FileFacts | Problem:
    try:
        if file.size <= MAX_WHOLE_READ:
            return facts_of_content(file.path, file.read_bytes())
        return file.read_in_pieces(lambda opened: facts_of_file(file.path, opened, file.size))
    except OSError as error:
        return Problem(file.path, UNREADABLE, error.strerror or str(error))
