"""Write what each param means, from the models of the sections, to where people read it.

Run: `make deps`, or python -m stages.tools.params, rewrites the comments of params.yaml and
docs/params.md; with --check it only compares, and exits 1 naming the file.
"""

from stages.base.environment import prepare_process

prepare_process()

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from stages.base.entry_point import run_command
from stages.base.errors import UserError, error_list
from stages.base.files import write_text
from stages.base.param_docs import ParamDoc, describe_type, param_docs
from stages.base.params import PARAMS, Seed
from stages.base.terminal import say
from stages.tools.param_sections import SECTIONS
from stages.tools.yaml_text import with_comments

_TABLE = Path("docs/params.md")
_INTRODUCTION = """# Params

Every key of params.yaml, as the models of the sections in `stages/` describe it. `make deps` writes
this page and the comments of params.yaml from there. What says auto is chosen for the set at hand:
[the recipe](how-it-works.md#the-recipe-what-auto-means) has the rule, and `stages/train/recipe.py`
its values and what they were measured on.

To begin with, a handful is enough: `fetch.dataset` and `ingest.images` say which photos,
`ingest.label.by` and `ingest.label.regex` which labels, `model.arch`, `augment.size` and
`fine_tune.epochs` how large and how long. Everything in params.yaml changes results; what depends
on the machine is an [environment variable](environment.md).

`make repro` refuses a key that is unknown, out of range or contradictory before anything runs.
Before a bare `dvc repro`, `python -m stages.tools.check` does.

"""


def all_params() -> dict[str, ParamDoc]:
    """Return dotted key -> description for every key of params.yaml, in the order of the models."""
    docs = {"seed": describe_type(Seed)}
    for name, model in SECTIONS.items():
        docs.update(param_docs(model, name))
    return docs


def params_table(docs: Mapping[str, ParamDoc]) -> str:
    """Return docs/params.md: a row for each param."""
    lines = [_row(["key", "meaning", "values"]), _row(["---"] * 3)]
    for key, doc in docs.items():
        lines.append(_row([f"`{key}`", doc.description, ", ".join(_as_code(doc))]))
    return _INTRODUCTION + "\n".join(lines) + "\n"


def _row(cells: list[str]) -> str:
    """Return a row of a Markdown table.

    >>> _row(["`seed`", "", "from 0"])
    '| `seed` | | from 0 |'
    """
    return " ".join(["|", *(f"{cell} |" if cell else "|" for cell in cells)])


def _as_code(doc: ParamDoc) -> Iterator[str]:
    """Yield the values of a param, the choices of several as code, their meanings as text."""
    for value in doc.values:
        choice, space, meaning = value.partition(" ")
        is_choice = len(doc.values) > 1 and (not meaning or meaning.startswith("("))
        yield f"`{choice}`{space}{meaning}" if is_choice else value


def written_files(root: Path) -> dict[Path, str]:
    """Return path -> text of each file that this tool writes, as it should be."""
    docs = all_params()
    params = (root / PARAMS).read_text(encoding="utf-8")
    return {
        PARAMS: with_comments(params, {key: doc.sentence() for key, doc in docs.items()}),
        _TABLE: params_table(docs),
    }


def main() -> None:
    """Rewrite the files, or with --check compare them."""
    root = Path()
    files = written_files(root)
    if sys.argv[1:] == ["--check"]:
        stale = [
            str(path)
            for path, text in files.items()
            if not (root / path).is_file() or (root / path).read_text(encoding="utf-8") != text
        ]
        if stale:
            raise error_list("not what the models of the params say; please run make deps:", stale)
        say(f"{' and '.join(map(str, files))} agree with the models of the params.")
    elif sys.argv[1:]:
        raise UserError("python -m stages.tools.params takes --check or nothing")
    else:
        for path, text in files.items():
            write_text(root / path, text)
        say(f"Rewrote the comments of {PARAMS} and {_TABLE} from the models of the params.")


if __name__ == "__main__":
    run_command(main)
