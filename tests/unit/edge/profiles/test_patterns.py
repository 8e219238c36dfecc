"""What a pattern may be, and that no name keeps it busy."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.profiles import library
from edge.profiles.patterns import MAX_PATTERN, MAX_SUBJECT, PatternError, compiled

SHIPPED = sorted(
    {
        text
        for profile in library.shipped().values()
        for rule in profile.file.file
        for text in (rule.folder, rule.pattern)
        if text
    }
)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "empty"),
        ("a" * (MAX_PATTERN + 1), "are allowed"),
        (r"(?P<user>a)\1", "backslash"),
        (r"(?P<user>a)(?P=user)", "groups are written"),
        ("(?=a)", "groups are written"),
        ("(?<!a)", "groups are written"),
        ("(?i)a", "groups are written"),
        ("(?#a)", "groups are written"),
        ("(a)", "groups are written"),
        ("(?:a+)+", "a group cannot be repeated"),
        ("(?:a+)*", "a group cannot be repeated"),
        ("(?:a){2}", "a group cannot be repeated"),
        ("(?:a)??", "one repetition follows another"),
        ("a+?", "one repetition follows another"),
        ("a++", "one repetition follows another"),
        ("a{2}{3}", "one repetition follows another"),
        ("a*a", "may both repeat"),
        ("a{1,9}a", "may both repeat"),
        (".*x", "may both repeat"),
        (".*.*", "may both repeat"),
        ("a?a", "may both repeat"),
        ("a*(?:b*a)?", "may both repeat"),
        ("[^_]*A", "may both repeat"),
        ("(?:ab|ac)", "two ways begin"),
        ("(?:a|A)", "two ways begin"),
        ("(?:ab)?a", "two ways begin"),
        ("(?:a|b?)a", "two ways begin"),
        ("a{999}", "repetitions"),
        ("a{3,2}", "repetitions"),
        ("a{0}", "repetitions"),
        ("a{,3}", "repetitions"),
        ("é+", "beyond ASCII"),
        ("[é]", "not ASCII"),
        ("[a", "not closed"),
        ("[]", "backslash|empty"),
        ("[z-a]", "no range"),
        (r"[\d-z]", "no range"),
        ("[a&&b]", "needs a backslash"),
        ("(?:a", "not closed"),
        ("a)", "closed that was not opened"),
        ("^a$", "only after a backslash"),
        ("\\", "after a backslash"),
        (r"\b", "after a backslash"),
        (r"\s+", "after a backslash"),
        ("(?:" * 9 + "a" + ")" * 9, "nested deeper"),
        ("(?P<user>a)(?P<user>b)", "two groups"),
        ("*", "only after a backslash"),
    ],
)
def test_a_pattern_of_another_kind_is_refused_with_its_reason(text: str, reason: str) -> None:
    with pytest.raises(PatternError, match=reason):
        compiled(text)


@pytest.mark.parametrize(
    ("text", "subject", "found"),
    [
        (r"(?P<user>[^_]+)_(?P<time>\d{6})", b"Li_101112", {"user": b"Li", "time": b"101112"}),
        (r"G[HX](?P<chapter>\d{2})", b"gx01", {"chapter": b"01"}),
        (r"a(?:_(?P<mark>IMP|SOS))?", b"A_imp", {"mark": b"imp"}),
        (r"a(?:_(?P<mark>IMP|SOS))?", b"a", {}),
        (r"[\w.-]+", b"a-b.c_d", {}),
        (r"重点_.*", "重点_x".encode(), {}),
        (r".{2}x", b"\xff\nx", {}),
        (r"a\.b", b"a.b", {}),
        (r"a\.b", b"axb", None),
        (r"a", b"a\n", None),
        (r"a", b"ab", None),
        (r".*", b"x" * (MAX_SUBJECT + 1), None),
    ],
)
def test_a_pattern_fits_whole_names(
    text: str, subject: bytes, found: dict[str, bytes] | None
) -> None:
    assert compiled(text).read(subject) == found


@given(st.text(alphabet="ab_.\\d*+?{}[]()|:P<>-^$,0129", max_size=25))
def test_any_text_is_a_pattern_that_python_reads_alike_or_is_refused(text: str) -> None:
    try:
        pattern = compiled(text)
    except PatternError:
        return
    assert pattern.names == set(re.compile(text).groupindex)
    assert pattern.read(b"ab_01") in (None, {}) or pattern.names


@pytest.mark.parametrize("text", [*SHIPPED, r"[^_]*_[^_]*_[^_]*_[^_]*_\d*x?"])
def test_no_name_keeps_a_pattern_busy(text: str) -> None:
    # A pattern that has anything to try twice needs seconds to years for one of these.
    pattern = compiled(text)
    names = [sign * MAX_SUBJECT for sign in (b"_", b"a", b"0", b"/", b"A_", b"0_", b"DSJ_", b".")]
    begun = time.process_time()
    for name in names:
        pattern.fits(name[:MAX_SUBJECT])
    assert time.process_time() - begun < 0.5
