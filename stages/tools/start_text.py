"""The lines in which start shows people how their photos may be labelled."""

from collections.abc import Iterator, Sequence

from stages.base.echo import cut, echo
from stages.base.plural import count_noun, join_names
from stages.dataset.split_advice import SplitAdvice
from stages.labels.label_coverage import coverage_notes
from stages.labels.label_guess import Guess
from stages.labels.proposal import Proposal
from stages.labels.spellings import spelling_problems
from stages.tools.start_params import ParamChange

_CLASSES = 10
_EXAMPLES = 3
_NAME = 30  # characters of a class
_PATH = 44  # of an example
_GIVEN = {"column": "as the table says", "folder": "as the folders say"}


def guess_lines(guess: Guess, taken: int, folder: str, sides: SplitAdvice | None) -> Iterator[str]:
    """Yield what is proposed, with examples, the other ways, and what is not decided.

    taken: the number of the proposal, from 1; sides: as of `advise_sides`.
    """
    proposal = guess.proposals[taken - 1]
    yield from proposal_lines(proposal, sides)
    for number, other in enumerate(guess.proposals, 1):
        if number != taken:
            classes = count_noun(len(other.classes), "class", "classes")
            names = join_names([cut(label, _NAME) for label in other.classes], count=_EXAMPLES)
            yield f"Also possible, TAKE={number}: {rule_words(other)}: {classes}, {names}"
    notes = coverage_notes(proposal.labels, proposal.rule, folder=folder)
    spellings = [str(problem) for problem in spelling_problems(proposal.labels)]
    open_questions = [*proposal.doubts, *guess.doubts, *notes, *spellings]
    if open_questions:
        yield "Not decided, or good to know:"
        yield from (f"  {line}" for line in open_questions)


def proposal_lines(proposal: Proposal, sides: SplitAdvice | None) -> Iterator[str]:
    """Yield a proposal in words, and its classes with the number of photos and three of them."""
    classes = proposal.classes
    shown = list(classes.items())[:_CLASSES]
    width = min(_NAME, max(len(label) for label, _ in shown))
    yield f"Labels {rule_words(proposal)}"
    yield f"Sides  {_sides_words(proposal, sides)}"
    yield (
        f"{count_noun(len(classes), 'class', 'classes')},"
        f" {count_noun(len(proposal.labels.labels), 'photo')}:"
    )
    for label, paths in shown:
        name = cut(label, _NAME)
        yield f"  {name:<{width}}  {len(paths):>6,}  {_examples(paths)}"
    if len(classes) > _CLASSES:
        yield f"  ... and {count_noun(len(classes) - _CLASSES, 'more class', 'more classes')}"


def rule_words(proposal: Proposal) -> str:
    """Return how a proposal labels photos, in words."""
    rule = proposal.rule
    if rule.by == "csv":
        columns = f"{echo(rule.label_column)} beside {echo(rule.path_column)}"
        return f"by the table {rule.csv}, column {columns}"
    if rule.by == "folder":
        return "by the folder that holds the photo"
    what = "file name" if rule.on == "name" else "path"
    return f"by the {what}, {rule.regex}"


def _sides_words(proposal: Proposal, sides: SplitAdvice | None) -> str:
    if sides:
        return f"by {sides.by} (datablock.split.by): {sides.reason}"
    return _GIVEN.get(proposal.split, "as datablock.split.by in params.yaml says")


def change_lines(changes: Sequence[ParamChange]) -> Iterator[str]:
    """Yield what is to change in params.yaml."""
    yield "In params.yaml:" if changes else "params.yaml says all of this already."
    for change in changes:
        yield f"  {change.key}: {echo(change.before)} -> {echo(change.after)}"


def _examples(paths: Sequence[str]) -> str:
    shown = ", ".join(cut(path, _PATH) for path in paths[:_EXAMPLES])
    return f"{shown}, ..." if len(paths) > _EXAMPLES else shown
