"""Putting a board together: keys, slots, the best book that can be played, threads and servers."""

import importlib
import importlib.util
from collections.abc import Mapping

from gen_core.spec.errors import UsageError
from gen_core.spec.param import Param
from targets import boards
from targets.runtime import health, saved
from targets.runtime.access import Access, own_token
from targets.runtime.boot_state import FACTORY
from targets.runtime.engine import Engine
from targets.runtime.keys import taken_keys
from targets.runtime.log import Log
from targets.runtime.machine import Machine
from targets.runtime.options import BY_KERNELS, PERFORMANCE, Options
from targets.runtime.osc_server import OscServer, Sign
from targets.runtime.performer import Perform, Performer, Silence
from targets.runtime.saved import SEED
from targets.runtime.sinks import open_sink
from targets.runtime.slots import Slots
from targets.runtime.storage import Storage
from targets.runtime.upload import Upload

LEVELS_S, HEALTH_S = 0.1, 1.0  # how often they are told


def assemble(options: Options, log: Log) -> Machine:
    """A board ready to sound. It always is: with the next best book, or at worst with silence and a line in the log."""
    storage = Storage(options.state)
    facts = boards.find(options.board)
    slots = Slots(storage, taken_keys(options.state, options.trust, options.open, log), facts, log)
    slots.boot()
    values = saved.load(storage, log)
    if options.seed is not None:
        values.pop(SEED, None)
    performance = choose(slots, values, options, log)
    access = Access(lambda: own_token(storage))
    slots.held(slots.spare)  # looked at now, because it may be large and a client waits 2 s
    sink = open_sink(options.wav, options.listen, performance.sample_rate_hz, performance.block_frames, log)
    machine = Machine(
        board=options.board,
        serial=options.serial,
        storage=storage,
        slots=slots,
        upload=Upload(slots),
        performance=performance,
        engine=Engine(performance, sink, log),
        osc=OscServer(performance, access=access),
        log=log,
        access=access,
        buffer_bytes=options.smp_buffer or facts.smp_buffer_bytes,
        drawn_seed=performance.seed if options.seed is None and SEED not in values else None,
    )
    machine.osc.signs = (
        Sign("levels", LEVELS_S, machine.engine.meter.look, machine.engine.meter.rest),
        Sign("health", HEALTH_S, lambda: health.told(machine)),
    )
    return machine


def choose(slots: Slots, values: Mapping[str, float], options: Options, log: Log) -> Performer:
    """Play the best book that can be played; what cannot is passed over, and the log says why."""
    perform = load_performance(performance_by(options, log))
    for slot, book in slots.candidates():
        if options.safe and slot != FACTORY:
            continue
        try:
            params = {data["id"]: Param.from_dict(data) for data in book.manifest.get("params", ())}
            performance = perform(book.manifest, book.files, options.seed, saved.fitting(values, params))
        except Exception as error:  # a book that verifies may still be one that this runtime cannot play
            log.say(f"the book in slot {slot} cannot be played: {type(error).__name__}: {error}")
            continue
        slots.playing(slot)
        log.say(f"playing {book.manifest.get('name')} {book.image.version} from slot {slot}, seed {performance.seed}")
        return performance
    slots.playing("")
    log.say("no book can be played: silent until one is flashed")
    return Silence()


def performance_by(options: Options, log: Log) -> str:
    """Who plays, as `module:name`; the graph's performance where the kernels are asked for and Numba is not there."""
    if options.engine == "onnx" or options.performance != PERFORMANCE:
        return options.performance
    if importlib.util.find_spec("numba") is None:
        log.say("numba is not installed: the book's graph plays; to change that, pip install numba")
        return options.performance
    return BY_KERNELS


def load_performance(name: str) -> Perform:
    """The class or function that plays a book, from `module:name`. UsageError if there is none."""
    module, _, attribute = name.partition(":")
    try:
        perform: Perform = getattr(importlib.import_module(module), attribute)
    except (ImportError, AttributeError) as error:
        raise UsageError(f"cannot load {name}: {error}", "name it as module:name") from None
    return perform
