"""What a board can be asked over SMP. All of it comes down to `ask`."""

import struct
from collections.abc import Mapping
from typing import Any

from gen_core.spec.param import Param, find
from host_tools.output import short
from targets.protocol import smp

READ_ATTEMPTS = 5  # a bad line loses an answer of 1 kB one time in eight; asking again changes nothing


class BoardCalls:
    """The calls of a board, for `Device`, which gives them `ask`."""

    _params: dict[str, Param] | None = None

    def ask(self, op: int, group: int, command: int, payload: Mapping[str, Any] | None = None, **how: Any) -> dict:
        """One SMP exchange."""
        raise NotImplementedError

    def info(self, **how: Any) -> dict[str, Any]:
        """The board's status: board, serial, book, seed, bar, beat, uptime_s, rss_bytes, sink, stats."""
        how = {"attempts": READ_ATTEMPTS} | how
        return self.ask(smp.Op.READ, smp.Group.LIMONAIRE, smp.LimonaireCommand.STATUS, **how)

    def check_health(self) -> dict[str, Any]:
        """Is all well? {"ok": bool, "reasons": texts}, and what was counted. `health` listens to it instead."""
        return self.ask(smp.Op.READ, smp.Group.LIMONAIRE, smp.LimonaireCommand.HEALTH, attempts=READ_ATTEMPTS)

    def buffer_bytes(self) -> int:
        """The largest SMP message that the board takes."""
        answer = self.ask(smp.Op.READ, smp.Group.OS, smp.OsCommand.PARAMS, attempts=READ_ATTEMPTS)
        return int(answer["buf_size"])

    def slots(self) -> list[dict[str, Any]]:
        """The books that the board holds; slot 0 is the one that plays."""
        answer = self.ask(smp.Op.READ, smp.Group.IMAGE, smp.ImageCommand.STATE, attempts=READ_ATTEMPTS)
        return list(answer["images"])

    # ---- parameters

    def listed_params(self) -> list[tuple[Param, float]]:
        """Every parameter that the board declares, with its value now."""
        listed: list[tuple[Param, float]] = []
        total = 1
        while len(listed) < total:
            page = self.ask(
                smp.Op.READ,
                smp.Group.LIMONAIRE,
                smp.LimonaireCommand.PARAMS,
                {"off": len(listed)},
                attempts=READ_ATTEMPTS,
            )
            total = int(page["total"])
            listed += [(Param.from_dict(entry), float(entry["value"])) for entry in page["params"]]
            if not page["params"]:
                break
        self._params = {param.id: param for param, _ in listed}
        return listed

    def params(self) -> dict[str, Param]:
        """Every parameter that the board declares, by id. Asked once for each book."""
        if self._params is None:
            self.listed_params()
        return self._params or {}

    def get(self, param_id: str) -> float:
        """The value of a parameter, in its unit. UsageError if there is none of that name."""
        name = find(self.params(), param_id).id
        command = smp.SettingsCommand.READ_WRITE
        answer = self.ask(smp.Op.READ, smp.Group.SETTINGS, command, {"name": name}, attempts=READ_ATTEMPTS)
        return short(struct.unpack("<f", answer["val"])[0])

    # ---- books

    def test(self, image_hash: bytes) -> None:
        """Mark a book to be tried at the next reset."""
        self._mark({"hash": image_hash, "confirm": False})

    def confirm(self) -> None:
        """Keep the book that plays."""
        self._mark({"confirm": True})

    def _mark(self, payload: dict[str, Any]) -> None:
        self.ask(smp.Op.WRITE, smp.Group.IMAGE, smp.ImageCommand.STATE, payload, attempts=READ_ATTEMPTS)
