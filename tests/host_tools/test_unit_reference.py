"""The page of everything that a patch may say is made from the declarations, and the one in docs/ is up to date."""

from pathlib import Path

from gen_core.spec.param import Param
from gen_core.synth import patches
from gen_core.synth.registry import UNITS
from host_tools import unit_reference

ROOT = Path(__file__).resolve().parents[2]


def test_every_section_and_every_value_of_every_unit_is_on_the_page() -> None:
    page = unit_reference.page()
    for unit in UNITS:
        for section, items in unit.sections.items():
            assert f"`[{section}]`" in page
            assert all(f"| `{item.id}` |" in page for item in items if isinstance(item, Param))
    assert all(f"| `{voice}` |" in page for voice in patches.voices())


def test_the_page_in_docs_is_the_one_that_is_made() -> None:
    assert (ROOT / "docs/patches.md").read_text(encoding="utf-8") == unit_reference.page(), "run `limonaire gallery`"


def test_the_patch_that_the_page_shows_is_a_patch() -> None:
    lines = unit_reference.page().split("This is a whole one:\n\n")[1].splitlines()
    text = "\n".join(line.removeprefix("    ") for line in lines[: lines.index("    attack_s = 0.02") + 1])
    assert patches.read(text, "tin_organ.toml")[0]["voice"] == "wave"
