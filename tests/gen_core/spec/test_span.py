import math

import pytest

from gen_core.spec import span
from gen_core.spec.errors import UsageError
from gen_core.spec.span import Span


@pytest.mark.parametrize(
    "text, length",
    [
        ("30s", Span(30, "s")),
        ("30", Span(30, "s")),
        (1.5, Span(1.5, "s")),
        ("1 bar", Span(1, "bars")),
        ("8bars", Span(8, "bars")),
        ("0.5beats", Span(0.5, "beats")),
        ("", span.NONE),
        (0, span.NONE),
    ],
)
def test_a_length_is_seconds_beats_or_bars(text, length):
    assert span.parse(text) == length
    assert span.parse(str(length)) == length


@pytest.mark.parametrize("text", ["-1s", "8 hours", "bars", math.nan, math.inf, -1.0, 1e9, "1e3", None, "9" * 400])
def test_what_is_no_length_of_time_is_refused_with_examples(text):
    with pytest.raises(UsageError, match="30s, 4beats, 8bars"):
        span.parse(text)
