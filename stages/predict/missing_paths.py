"""Missing paths: arguments that name nothing on this disk, refused before anything is answered."""

import glob
import os
from collections.abc import Sequence
from pathlib import Path

from stages.base.bucket import is_bucket_url, local_path
from stages.base.echo import echo
from stages.base.errors import UserError
from stages.predict.find_sources import LIST_ON_STDIN
from stages.predict.path_in_tar import TarPaths, is_missing


def refuse_missing_paths(arguments: Sequence[str], tars: TarPaths) -> None:
    """Raise a UserError that names all paths of the arguments at which nothing lies.

    A path in a list or a table that is missing is a row with its problem, and none of these.
    """
    if missing := [argument for argument in arguments if _is_missing(argument, tars)]:
        verb = "does not exist" if len(missing) == 1 else "do not exist"
        raise UserError(f"{', '.join(map(echo, missing))} {verb}; name photos or a folder of them")


def _is_missing(argument: str, tars: TarPaths) -> bool:
    """Return whether nothing lies at a path; an address, a bucket and a pattern are no paths."""
    if argument == LIST_ON_STDIN or argument.startswith(("http://", "https://")):
        return False
    path = local_path(argument)
    if is_bucket_url(path) or glob.has_magic(path) or os.path.lexists(path):
        return False
    return is_missing(tars.find(Path(path)))
