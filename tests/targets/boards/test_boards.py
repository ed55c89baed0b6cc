"""Every board of the registry: facts that are there, sourced, and fit together."""

import importlib
from dataclasses import asdict, fields

import pytest

from gen_core.spec.errors import UsageError
from targets import boards
from targets.boards.board import Board

EVERY = pytest.mark.parametrize("board", boards.BOARDS.values(), ids=lambda board: board.name)


@EVERY
def test_a_board_is_found_by_its_name_and_lies_in_a_file_of_that_name(board):
    assert boards.find(board.name) is board
    assert importlib.import_module(f"targets.boards.{board.name}").BOARD is board


@EVERY
def test_every_fact_has_its_source(board):
    facts = {field.name for field in fields(Board)} - {"name", "title", "sources"}
    assert set(board.sources) == facts and all(board.sources.values())
    assert "estimate" in board.sources["instructions_per_s"] or board.sources["instructions_per_s"].startswith("as ")


@EVERY
def test_the_budget_of_a_block_is_shorter_than_the_block(board):
    assert 0 < board.audio_budget_us < 1e6 * board.block_frames / board.sample_rate_hz


@EVERY
def test_a_book_fits_the_memory_twice_and_a_message_a_frame(board):
    assert 2 * board.max_book_bytes < board.memory_bytes
    assert 256 <= board.smp_buffer_bytes < 65536


@EVERY
def test_a_message_crosses_the_line_before_clients_give_up(board):
    assert not board.baud or board.smp_buffer_bytes * 1.37 * 10 / board.baud < 0.5


@EVERY
def test_a_board_is_frozen_and_plain_data(board):
    with pytest.raises(AttributeError):
        board.cores = 99
    assert asdict(board)["name"] == board.name


def test_what_the_bench_takes_every_board_takes():
    bench = boards.find("bench")
    for board in boards.BOARDS.values():
        assert bench.max_book_bytes <= board.max_book_bytes and bench.instructions_per_s <= board.instructions_per_s


@pytest.mark.parametrize(("wrong", "meant"), [("pi_zero", "pi_zero_2w"), ("pi5", "pi_5"), ("zzz", "choose from bench")])
def test_an_unknown_name_is_answered_with_the_nearest(wrong, meant):
    with pytest.raises(UsageError, match=meant):
        boards.find(wrong)
