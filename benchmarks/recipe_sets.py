"""Sets of photos of different kinds, on which recipes of training are chosen and then judged.

The halves were named before the first run: on `choosing` recipes may be tried as often as wished,
on `unseen` the chosen one is run once. Those of `seen` were unseen until the recipe that chose by
one probe, or the one that chose by a trial, was run on them; that letters are better learned anew
was expected of the next one, and that training must darken, but nothing was chosen on them; or the
one whose network was lite0 for all; or the one that stayed near each probe from which it started:
flowers, objects, words and bricks, then kana, music, lungs, vegetables, clothes and cars.
Hands and signs were unseen until the rule of two probes was run on them, and are for choosing
since; so are expressions, flowers, music, clothes and cars since the present rule, which goes far
from a probe that errs often, was chosen on them. A set comes from scikit-learn, from the digits
sample, or from a public repository of GitHub, of which the folder of clones holds owner+name/repo.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from stages.base.yaml_file import read_yaml


@dataclass(frozen=True, kw_only=True)
class RecipeSet:
    """A set: where its photos come from, and how many of each class are taken."""

    half: Literal["choosing", "seen", "unseen"]
    about: str
    source: str  # owner/name on GitHub, or digits, pets or scikit-learn
    label: str = r"^(?P<label>.+)_\d+\.\w+$"  # what of a file's path in the source is its class
    most: int = 10_000  # photos of a class
    counts: tuple[int, ...] = ()  # instead: photos of the first class by name, of the second, ...
    table: str = ""  # CSV of the source whose second and third columns are file name and class


SETS = {
    name: RecipeSet(**{**values, "counts": tuple(values.get("counts", ()))})
    for name, values in read_yaml(Path(__file__).with_suffix(".yaml")).items()
}
