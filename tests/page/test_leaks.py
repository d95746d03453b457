"""Findings that make the error look too small become a sentence each."""

from stages.page.leaks import leak_sentences


def test_each_leak_is_a_sentence() -> None:
    """Findings without a leak, and of a version that knew of none, say nothing."""
    findings = [{"leak": "a"}, {"message": "odd"}, {"leak": ""}, {"leak": "b"}]
    end = "; reports/datablock/summary.txt says more."
    assert leak_sentences(findings) == [
        f"The error may be too small, since {leak}{end}" for leak in "ab"
    ]
    assert leak_sentences([]) == []
