"""A proposal lists its classes, and its rule keeps what it does not change."""

from stages.labels.labels import PhotoLabels
from stages.labels.proposal import Proposal, changed_rule
from tests.example_rule import example_rule


def test_classes_and_their_paths_are_sorted() -> None:
    """The classes of a proposal are in order, each with its paths in order."""
    labels = PhotoLabels({"3.jpg": "b", "2.jpg": "a", "1.jpg": "b"})
    proposal = Proposal(way="name", rule=example_rule(), split="hash", labels=labels, share=1.0)
    assert list(proposal.classes.items()) == [("a", ["2.jpg"]), ("b", ["1.jpg", "3.jpg"])]


def test_a_changed_rule_keeps_the_rest_and_drops_columns_of_another_table() -> None:
    """What is not named stays, but the columns of sides and groups, which another table has."""
    present = example_rule(by="csv", delimiter=";", split_column="side", group_column="person")
    assert changed_rule(present, by="folder") == example_rule(by="folder", delimiter=";")
    assert changed_rule(present, group_column="place").group_column == "place"
