"""SMP group 1, images: which books the board holds, upload, test, confirm, erase.

The book that plays is slot 0, the other one slot 1; an upload to either number goes to the one that does not play.
"""

from collections.abc import Mapping
from typing import Any

from targets.protocol import smp
from targets.runtime.machine import Commands, Machine
from targets.runtime.rejection import Rejection

GROUP = smp.Group.IMAGE


def state(machine: Machine, request: Mapping[str, Any]) -> dict[str, Any]:
    """{} → what lies in the two slots and how it is marked."""
    slots = machine.slots
    numbered = enumerate((slots.active, slots.spare))
    return {"images": [image for number, slot in numbered for image in _image(machine, number, slot)]}


def set_state(machine: Machine, request: Mapping[str, Any]) -> dict[str, Any]:
    """{"hash": bytes, "confirm": bool} → test or confirm that book; without a hash, confirm the one that plays."""
    hash_, confirm = request.get("hash"), request.get("confirm", False)
    if not isinstance(confirm, bool) or not isinstance(hash_, bytes | None):
        raise Rejection(smp.ReturnCode.EINVAL, "hash must be bytes and confirm a truth value")
    if hash_:
        machine.slots.mark(hash_.hex(), permanent=confirm)
    elif confirm:
        machine.slots.confirm()
    else:
        raise Rejection(smp.ImageError.INVALID_HASH, "a test needs the hash of a book", GROUP)
    return state(machine, {})


def upload(machine: Machine, request: Mapping[str, Any]) -> dict[str, Any]:
    """{"off", "data", and first "len", "sha", "image"} → {"off": next byte wanted}, at the end with "match"."""
    return machine.upload.chunk(request)


def erase(machine: Machine, request: Mapping[str, Any]) -> dict[str, Any]:
    """{"slot": 1} → {}; only the slot that does not play can be emptied. A half-arrived upload goes too."""
    if request.get("slot", 1) != 1:
        raise Rejection(smp.ImageError.INVALID_SLOT, "only slot 1 can be erased", GROUP)
    machine.slots.erase()
    machine.upload.abandon()
    return {}


def slots(machine: Machine, request: Mapping[str, Any]) -> dict[str, Any]:
    """{} → how large the two slots are, and the largest book."""
    size = machine.slots.board.max_book_bytes
    both = [{"slot": number, "size": size} for number in (0, 1)]
    return {"images": [{"image": 0, "slots": both, "max_image_size": size}]}


def _image(machine: Machine, number: int, slot: str) -> list[dict[str, Any]]:
    """The entry of one slot, none if it is empty. Flags that are false may be left out, and clients expect that."""
    held, following = machine.slots.held(slot), machine.slots.following(slot)
    if held is None:
        return []
    flags = {
        "bootable": True,
        "pending": following is not None,
        "confirmed": machine.slots.is_confirmed(slot),
        "active": slot == machine.slots.active,
        "permanent": following is not None and following.permanent,
    }
    return [{"slot": number, "version": str(held.version), "hash": bytes.fromhex(held.hash)} | flags]


COMMANDS: Commands = {
    (smp.ImageCommand.STATE, smp.Op.READ): state,
    (smp.ImageCommand.STATE, smp.Op.WRITE): set_state,
    (smp.ImageCommand.UPLOAD, smp.Op.WRITE): upload,
    (smp.ImageCommand.ERASE, smp.Op.WRITE): erase,
    (smp.ImageCommand.SLOTS, smp.Op.READ): slots,
}
