"""Draw and measure all instruments that come with the synth: a page, and a picture for each family. Beside it,
patches.md: every unit and parameter that a patch may name.

Example: limonaire gallery -o docs/gallery
"""

import argparse
from pathlib import Path

from host_tools.output import add_json, emit

HELP = "draw and measure all instruments"


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("-o", "--output", type=Path, default=Path("docs/gallery"), metavar="DIR",
                        help="folder of the pictures; the page is DIR.md beside it (docs/gallery)")  # fmt: skip
    add_json(parser)


def run(args: argparse.Namespace) -> None:
    from gen_core.synth import patches
    from host_tools import gallery, unit_reference
    from host_tools.drafts import drafted
    from host_tools.progress import bar

    page = args.output.with_name(f"{args.output.name}.md")
    with bar("measuring", unit_is_bytes=False) as progress:
        facts = gallery.make(page, patches.rows(), progress)
    reference = page.with_name("patches.md")
    with drafted(reference) as file:
        file.write(unit_reference.page().encode())
    count = sum(map(len, facts.values()))
    words = f"{page}: {count} instruments and pieces in {len(facts)} families; {reference}: what a patch may say"
    emit(args.json, facts, words)
