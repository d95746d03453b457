"""Photo files: which files of a folder are meant as photos, and which lie beside them.

Programs put files beside photos (.json, .xmp, .aae, .mov), and people put tables and notes there.
What is meant as a photo and is none must be reported; what was never meant as one must not count.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath

from stages.base.plural import count_noun
from stages.dataset.scan import FileFacts
from stages.images.formats import ALL_EXTENSIONS
from stages.labels.problem import Problem

# Photos that are not decoded here: presize refuses each by name, so that nobody misses it.
_UNDECODED = re.compile(
    r"\.(heic|heif|hif|jxl|jls|jxr|tga|psd"
    r"|3fr|ari|arw|bay|cap|cr2|cr3|crw|dcr|dng|erf|fff|gpr|iiq|k25|kdc|mdc|mef|mos|mrw|nef|nrw|orf"
    r"|pef|raf|raw|rw2|rwl|sr2|srf|srw|x3f)"
)
_NO_EXTENSION = "no extension"
# What follows a dot in a name is often no extension: "Mr. Smith at home".
_EXTENSION = re.compile(r"\.[a-z0-9_-]{1,12}")


def photo_files(files: Sequence[FileFacts]) -> list[FileFacts]:
    """Return the files that are meant as photos: by their content, or by their extension.

    Beside the extensions of formats, so are those (none, .dat) that at least half of the files with
    them have as images: of photos without an extension, a damaged one is a photo too.
    """
    all_files = Counter(extension_of(file.path) for file in files)
    images = Counter(extension_of(file.path) for file in files if file.format)
    usual = {name for name, count in images.items() if 2 * count >= all_files[name]}
    return [
        file
        for file in files
        if file.format or extension_of(file.path) in usual or is_named_photo(file.path)
    ]


def is_named_photo(path: str) -> bool:
    """Return whether a file's extension is that of a photo, in whatever case."""
    extension = extension_of(path)
    return extension in ALL_EXTENSIONS or _UNDECODED.fullmatch(extension) is not None


def extension_of(path: str) -> str:
    """Return a file's extension in lower case, with its dot, or "no extension".

    >>> extension_of("a/IMG_1.JPG"), extension_of("a.b/IMG_1"), extension_of("IMG_1.jpg.json")
    ('.jpg', 'no extension', '.json')
    """
    suffix = PurePosixPath(path).suffix.lower()
    return suffix if _EXTENSION.fullmatch(suffix) else _NO_EXTENSION


def other_files(files: Sequence[FileFacts], photos: Sequence[FileFacts]) -> dict[str, list[str]]:
    """Return the paths of the files that are not among the photos, by extension, both sorted."""
    known = {file.path for file in photos}
    others = defaultdict(list)
    for file in files:
        if file.path not in known:
            others[extension_of(file.path)].append(file.path)
    return dict(sorted(others.items()))


def other_file_rows(others: Mapping[str, Sequence[str]]) -> list[Problem]:
    """Return a row of the list of problems for each extension of files that are no photos."""
    return [
        Problem(
            paths[0],
            "not a photo",
            f"the first of {count_noun(len(paths), 'file')} with {extension}"
            + ("; photos in tars are read where a folder holds tars alone" * (extension == ".tar")),
        )
        for extension, paths in others.items()
    ]
