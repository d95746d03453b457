"""Nested folders: with a class for each folder, folders of photos that lie within a class.

Caltech-256 has 056.dog/greg/vw1/: its photos would become a class of their own, called vw1.
"""

from collections import Counter
from collections.abc import Mapping
from pathlib import PurePosixPath

from stages.base.echo import echo
from stages.base.plural import count_noun
from stages.labels.problem import Problem

FOLDER_WITHIN_CLASS = "folder within a class"


def nested_folders(labels: Mapping[str, str]) -> list[Problem]:
    """Return a problem for each folder of photos inside another that has photos, sorted.

    labels: path -> class, by the folder that holds the photo.
    """
    counts = Counter(str(PurePosixPath(path).parent) for path in labels)
    class_of = {str(PurePosixPath(path).parent): label for path, label in labels.items()}
    problems = []
    for folder, count in sorted(counts.items()):
        around = next((str(up) for up in PurePosixPath(folder).parents if str(up) in counts), None)
        if around is not None and class_of[around] != class_of[folder]:
            problems.append(
                Problem(
                    folder,
                    FOLDER_WITHIN_CLASS,
                    f"{count_noun(count, 'photo')} of class {echo(class_of[folder])} within that of"
                    f" {echo(class_of[around])}; move up what belongs there",
                )
            )
    return problems
