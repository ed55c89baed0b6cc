"""What a board is: one file a board, facts with their sources; every board has one line here."""

from gen_core.spec.errors import UsageError
from gen_core.spec.param import suggestion
from targets.boards import bench, pi_3, pi_4, pi_5, pi_zero_2w
from targets.boards.board import Board

BOARDS: dict[str, Board] = {
    file.BOARD.name: file.BOARD
    for file in (
        bench,
        pi_zero_2w,
        pi_3,
        pi_4,
        pi_5,
    )
}


def find(name: str) -> Board:
    """The board of that name, or UsageError with the nearest names."""
    if name in BOARDS:
        return BOARDS[name]
    raise UsageError(f"there is no board {name!r}", suggestion(name, BOARDS) or f"choose from {', '.join(BOARDS)}")
