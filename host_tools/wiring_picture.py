"""A voice's wiring as boxes and arrows, from left to right: each unit right of all that it hears.

Layers, then an order in each that keeps wires short, as in K. Sugiyama, S. Tagawa, M. Toda, "Methods for visual
understanding of hierarchical system structures", IEEE Trans. SMC 11 (1981); a wire past a layer goes between its boxes.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from gen_core.synth.wiring import Wiring

_SWEEPS = 8  # over the layers, there and back
_BOX = (0.6, 0.56)  # width of a box in layers, height in rows
_INK, _LINE, _FILL, _MUTED = "#1f2933", "#52606d", "#eef2f6", "#7b8794"


@dataclass
class _Node:
    """A unit, or (without a name) the place where a wire passes a layer."""

    name: str
    layer: int
    row: float = 0.0


@dataclass(frozen=True)
class Layout:
    """Nodes by layer, and wires as chains of nodes with the signal's name."""

    layers: tuple[tuple[_Node, ...], ...]
    wires: tuple[tuple[tuple[_Node, ...], str], ...]


def layout(wires: Wiring) -> Layout:
    """Where everything stands."""
    depth: dict[str, int] = {}
    for slot in wires.slots:
        depth[slot.name] = 1 + max((depth[source.split(".")[0]] for source in slot.sources.values()), default=-1)
    last = max(depth.values())
    for slot in reversed(wires.slots):  # what hears nothing moves to whom it feeds
        ahead = [depth[o.name] for o in wires.slots for s in o.sources.values() if s.split(".")[0] == slot.name]
        if not slot.sources and ahead:
            depth[slot.name] = min(ahead) - 1
    nodes = {name: _Node(name, layer) for name, layer in depth.items()}
    layers: list[list[_Node]] = [[] for _ in range(last + 1)]
    for node in nodes.values():
        layers[node.layer].append(node)
    chains = []
    for slot in wires.slots:
        heard = {tuple(source.split(".", 1)) for source in slot.sources.values()}
        for giver, signal in sorted(heard):
            passing = [_Node("", layer) for layer in range(nodes[giver].layer + 1, nodes[slot.name].layer)]
            for node in passing:
                layers[node.layer].append(node)
            chains.append(((nodes[giver], *passing, nodes[slot.name]), signal))
    _arrange(layers, [chain for chain, _ in chains])
    return Layout(tuple(map(tuple, layers)), tuple(chains))


def _arrange(layers: list[list[_Node]], chains: Sequence[Sequence[_Node]]) -> None:
    """Give every node a row, so that neighbours along wires stand near each other."""
    near: dict[int, list[_Node]] = {id(node): [] for layer in layers for node in layer}
    for chain in chains:
        for one, other in zip(chain, chain[1:], strict=False):
            near[id(one)].append(other)
            near[id(other)].append(one)
    for layer in layers:
        _spread(layer)
    for sweep in range(_SWEEPS):
        for layer in layers if sweep % 2 == 0 else layers[::-1]:
            wanted = {id(n): sum(o.row for o in near[id(n)]) / max(len(near[id(n)]), 1) for n in layer}
            layer.sort(key=lambda node: wanted[id(node)])
            _spread(layer)


def _spread(layer: Sequence[_Node]) -> None:
    for number, node in enumerate(layer):
        node.row = number - (len(layer) - 1) / 2


def draw(axes: Any, wires: Wiring, titles: dict[str, str]) -> None:
    """On matplotlib axes. `titles`: what stands in each slot's box."""
    from matplotlib.patches import FancyBboxPatch

    made = layout(wires)
    for chain, signal in made.wires:
        _wire(axes, chain, signal, made)
    width, height = _BOX
    for node in (node for layer in made.layers for node in layer if node.name):
        corner = (node.layer - width / 2, node.row - height / 2)
        style = "round,pad=0,rounding_size=0.06"
        axes.add_patch(FancyBboxPatch(corner, width, height, boxstyle=style, fc=_FILL, ec=_LINE, lw=1.0, zorder=3))
        title = titles.get(node.name, node.name).replace("_", "\n")
        axes.text(node.layer, node.row, title, ha="center", va="center", color=_INK, fontsize=9, zorder=4)
    most = max(len(layer) for layer in made.layers)
    axes.set_xlim(-0.5, len(made.layers) - 0.5)
    axes.set_ylim(max(most, 3) / 2, -max(most, 3) / 2)
    axes.axis("off")


def _wire(axes: Any, chain: Sequence[_Node], signal: str, made: Layout) -> None:
    """A smooth line through the places where it passes, with an arrow at its end."""
    from matplotlib.patches import FancyArrowPatch
    from matplotlib.path import Path

    half = _BOX[0] / 2
    into = [other for other, _ in made.wires if other[-1] is chain[-1]]
    shift = _side(sorted(into, key=lambda other: other[-2].row), chain, 0.36)
    stops = [(chain[0].layer + half, chain[0].row), *((n.layer, n.row) for n in chain[1:-1])]
    stops.append((chain[-1].layer - half, chain[-1].row + shift))
    points, codes = [stops[0]], [Path.MOVETO]
    for (x, y), (x2, y2) in zip(stops, stops[1:], strict=False):
        middle = (x + x2) / 2
        points += [(middle, y), (middle, y2), (x2, y2)]
        codes += [Path.CURVE4] * 3
    arrow = FancyArrowPatch(path=Path(points, codes), arrowstyle="-|>", mutation_scale=9, color=_LINE, lw=1.1, zorder=2)
    axes.add_patch(arrow)
    x2, y2 = stops[-1]
    halo = {"facecolor": "white", "edgecolor": "none", "pad": 0.6}
    axes.text(x2 - 0.07, y2, signal, ha="right", va="center", color=_MUTED, fontsize=7.5, bbox=halo, zorder=5)


def _side(others: Sequence[Sequence[_Node]], chain: Sequence[_Node], reach: float) -> float:
    """How far from the middle of the box a wire goes in, so that wires into one box do not meet."""
    place = next(number for number, other in enumerate(others) if other is chain)
    return (place - (len(others) - 1) / 2) * reach / max(len(others) - 1, 1)
