"""A board and MIDI ports, joined: one loop that looks at both every two milliseconds."""

import time
from typing import Any

from gen_core.spec.errors import BoardTimeoutError
from host_tools.device import Device
from targets.protocol import midi_map, osc
from targets.protocol.midi_bridge import Bridge, place

LOOK_S = 0.002  # a tick of the clock at 120 bpm lasts 21 ms
ASK_PLACE_S = 0.5  # where the board is: the two clocks part by a few µs in that time
STALE_S = 0.2  # an answer that took longer says too little about when it was true


def run(device: Device, bridge: Bridge, source: Any, sink: Any, seconds: float | None = None) -> dict[str, int]:
    """Carry messages until interrupted, or for so many seconds. `source`, `sink`: open ports of mido, or None.

    Returns how many messages went each way. Notes that sound when it ends are ended.
    """
    counts = {"from_midi": 0, "to_midi": 0}
    device.subscribe("ack", *(("notes",) if sink and bridge.ways.notes_out else ()))
    asked_s, start_s = -ASK_PLACE_S, time.monotonic()
    try:
        while seconds is None or time.monotonic() - start_s < seconds:
            now_s = time.monotonic()
            if now_s - asked_s >= ASK_PLACE_S:
                asked_s = now_s
                device.link.tell(osc.Message("/sync", (osc.Double(now_s),)))
            for message in source.iter_pending() if source else ():
                counts["from_midi"] += 1
                for told in bridge.from_midi(bytes(message.bytes()), time.monotonic()):
                    device.link.tell(told)
            for message in device.link.heard(LOOK_S):
                _heard(bridge, message, sink, counts)
            _send(sink, bridge.due(time.monotonic()), counts)
    except KeyboardInterrupt:
        pass
    finally:
        _send(sink, bridge.silence(), counts)
    return counts


def next_controller(source: Any, timeout_s: float) -> midi_map.Controller:
    """The controller that is moved next. BoardTimeoutError if none is."""
    reader, ends_s = midi_map.Reader(), time.monotonic() + timeout_s
    while time.monotonic() < ends_s:
        for message in source.iter_pending():
            for move in reader.feed(message.bytes()):
                return move.controller
        time.sleep(LOOK_S)
    raise BoardTimeoutError(f"no controller was moved in {timeout_s:g} s", "see other ports by `limonaire midi --list`")


def _heard(bridge: Bridge, message: osc.Message, sink: Any, counts: dict[str, int]) -> None:
    now_s = time.monotonic()
    if message.address != "/sync":
        _send(sink, bridge.from_board(message, now_s), counts)
    elif len(message.args) >= 5 and 0 <= now_s - message.args[0] < STALE_S:
        sent_s, _, _, tick, bpm = message.args[:5]
        if bpm > 0:  # a book without a tempo of its own says 0
            bridge.place = place(int(tick), float(bpm), (sent_s + now_s) / 2)


def _send(sink: Any, messages: list[bytes], counts: dict[str, int]) -> None:
    if sink is None:
        return
    import mido

    for data in messages:
        sink.send(mido.Message.from_bytes(data))
        counts["to_midi"] += 1
