"""The benchmark page: one section is replaced, the others stay."""

from bench.sections import SECTIONS, Block, blocks_of, page_of, written


def test_a_section_measured_again_leaves_the_others_as_they_were() -> None:
    """Replacing one block of a page changes that block and the total, and nothing else."""
    first = {section.name: Block(seconds=10, text=f"## {section.title}\n\nold\n") for section in SECTIONS}
    page = page_of(first, machine=["a machine"])
    again = written(SECTIONS[1], "# Table\n\n| a |\n", when="2026-01-01", seconds=3)
    found = blocks_of(page_of(blocks_of(page) | {SECTIONS[1].name: again}, machine=["a machine"]))
    assert [s.name for s in SECTIONS] == list(found)
    assert [first[s.name].text for s in SECTIONS[2:]] == [found[s.name].text for s in SECTIONS[2:]]
    assert again.text == found[SECTIONS[1].name].text
    assert 10 * (len(SECTIONS) - 1) + 3 == sum(block.seconds for block in found.values())


def test_a_block_names_its_command_and_lowers_the_headings_of_its_output() -> None:
    """The page's own headings stay above those that a section prints."""
    block = written(SECTIONS[0], "## Inner\ntext # no heading", when="2026-01-01", seconds=1.2)
    assert block.text.startswith(
        f"## {SECTIONS[0].title}\n\n`python {' '.join(SECTIONS[0].command)}`, 2026-01-01, 1 s"
    )
    assert "\n### Inner\ntext # no heading\n" in block.text


def test_a_section_without_figures_says_so() -> None:
    """A page never hides a section that was not measured."""
    page = page_of({}, machine=[])
    assert len(SECTIONS) == page.count("not measured yet")
