"""What is composed stays what it was, note for note, through any change that is only meant to be faster.

The network here is a hash of its columns, so that the notes depend on every column and on no processor. Whoever changes
a rule, a mask, a column or a tilt on purpose records anew: run this file as a program (`python -m` and its name).
"""

import hashlib
import sys

import numpy as np
import pytest

from gen_core.director.composer import Composer, Request
from gen_core.sequence import vocabulary as v
from gen_core.sequence.rules import PartRule, Rules
from gen_core.spec.time import TICKS_PER_QUARTER

DRUMS = PartRule(v.DRUM_PROGRAM)
ENSEMBLES = {
    "solo": Rules((PartRule(0),)),
    "trio": Rules((PartRule(80, 60, 96, 1), PartRule(33, 28, 55, 1), DRUMS), (0, 2, 4, 5, 7, 9, 11)),
    "eight": Rules((*(PartRule(40 + n, 36 + 4 * n, 80 + 2 * n, 1 + n % 3) for n in range(7)), DRUMS)),
}
GOLDEN = {  # SHA-256 of the notes, its first 16 digits
    "solo": "3e2924cb3af1cb6b", "trio": "ff60dbc0aa675985", "eight": "b3654dc8ab2671ff",
}  # fmt: skip


class HashModel:
    """A StepModel whose logits are a hash of the columns and of how many events there were: eighths, 0 to 8."""

    def start(self, batch):
        return np.zeros((1, batch, 1), np.float32)

    def trunk(self, columns, state):
        seen = int(state[0, 0, 0])
        return np.full((1, 1), seen, np.float32), self.logits("delta", seen, columns), state + 1

    def head(self, field, h, columns):
        return self.logits(field, int(h[0, 0]), columns)

    def logits(self, field, seen, columns):
        """(1, classes), the same on every processor."""
        at = np.asarray(columns, np.uint64)[0]
        key = int((at * np.arange(3, 3 + 2 * len(at), 2, dtype=np.uint64)).sum()) + 977 * (seen % 7) + len(field)
        mixed = (np.arange(1, v.SIZES[field] + 1, dtype=np.uint64) * np.uint64(key * 2654435761 % 2**32)) % 1009
        late = np.arange(v.SIZES[field]) // 4 if field == "delta" else 0  # or bars would be nearly empty
        return ((mixed % 65).astype(np.float32) / 8 - late)[None].astype(np.float32)


def notes_of(name):
    """Bars with beats taken back and composed again between them."""
    composer, notes = Composer(HashModel(), Request(ENSEMBLES[name], seed=11, temperature=0.7)), []
    for bar in range(24):
        notes += composer.compose_bar()
        if bar % 5 == 4:
            composer.rewind(composer.composed_until - 3 * TICKS_PER_QUARTER)
            notes += composer.compose_bar()
    return notes


def digest(name):
    text = "\n".join(",".join(str(int(field)) for field in note) for note in notes_of(name))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


@pytest.mark.parametrize("name", ENSEMBLES)
def test_the_notes_are_those_that_were_recorded(name):
    assert digest(name) == GOLDEN[name]


if __name__ == "__main__":
    print({name: (digest(name), len(notes_of(name))) for name in ENSEMBLES}, file=sys.stderr)
