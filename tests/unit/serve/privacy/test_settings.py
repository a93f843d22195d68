"""The `privacy` section of a site, and the patterns it may hold."""

import pytest

from suffice.errors import SpecError
from suffice.serve.privacy.patterns import checked_pattern
from suffice.serve.privacy.settings import CustomClass, PrivacySettings, Treatment, read_privacy


def test_an_empty_section_keeps_every_class_local():
    """Nothing said means nothing found may leave."""
    settings = read_privacy({})
    assert PrivacySettings() == settings
    assert Treatment.LOCAL_ONLY is settings.treatment("email")


def test_a_section_is_read_whole():
    """Every key has its place in the settings."""
    settings = read_privacy(
        {
            "default": "mask",
            "classes": {"email": "allow", "card": "local_only", "phi": "local_only"},
            "custom": {"phi": {"words": ["diagnosis"], "patterns": [r"MRN [0-9]{6,8}"]}},
            "countries": ["GB"],
            "phone_regions": ["GB", "SE"],
            "restore": False,
            "time_limit_ms": 5,
        }
    )
    assert (Treatment.ALLOW, Treatment.MASK) == (settings.treatment("email"), settings.treatment("phone"))
    assert (CustomClass(name="phi", patterns=(r"MRN [0-9]{6,8}",), words=("diagnosis",)),) == settings.custom
    assert (("GB",), ("GB", "SE")) == (settings.countries, settings.phone_regions)
    assert (False, 5) == (settings.restore, settings.time_limit_ms)


@pytest.mark.parametrize(
    ("section", "named"),
    [
        ({"clases": {}}, "'clases'"),
        ({"default": "block"}, "privacy.default"),
        ({"classes": {"emial": "mask"}}, "'emial'"),
        ({"classes": {"email": "hide"}}, "privacy.classes.email"),
        ({"classes": {"uninspected": "mask"}}, "privacy.classes.uninspected"),
        ({"classes": ["email"]}, "privacy.classes"),
        ({"custom": {"card": {"words": ["x"]}}}, "privacy.custom.card"),
        ({"custom": {"phi": {}}}, "privacy.custom.phi"),
        ({"custom": {"phi": {"words": "HIV"}}}, "privacy.custom.phi.words"),
        ({"custom": {"phi": {"patterns": ["("]}}}, "privacy.custom.phi.patterns"),
        ({"countries": ["XX"]}, "privacy.countries"),
        ({"phone_regions": ["gb"]}, "privacy.phone_regions"),
        ({"restore": "yes"}, "privacy.restore"),
        ({"time_limit_ms": 0}, "privacy.time_limit_ms"),
        ({"depth_limit": 2.5}, "privacy.depth_limit"),
    ],
)
def test_a_mistake_is_named_by_its_key(section, named):
    """A section that cannot be used says where."""
    with pytest.raises(SpecError) as caught:
        read_privacy(section)
    assert named in caught.value.message


@pytest.mark.parametrize(
    "pattern",
    [
        r"(a+)+$",
        r"(a|a)*b",
        r"(a|aa){1,40}$",
        r".*x",
        r"\w+@",
        r"(a)\1",
        r"x{0,9}x{0,9}x{0,9}x{0,9}",
        r"(?=a+)b",
    ],
)
def test_a_pattern_that_could_take_for_ever_is_refused(pattern):
    """Catastrophic and unbounded patterns never reach a text."""
    with pytest.raises(SpecError, match=r"bound|narrow|steps|group"):
        checked_pattern(pattern, where="privacy.custom.x")


@pytest.mark.parametrize("pattern", [r"x{0,3}", "", r"\b", r"a{2001}", "(" * 60 + "a" + ")" * 60, "a" * 1001])
def test_a_pattern_that_is_found_everywhere_or_is_too_large_is_refused(pattern):
    """A pattern must match something of bounded size."""
    with pytest.raises(SpecError):
        checked_pattern(pattern, where="privacy.custom.x")


@pytest.mark.parametrize(
    "pattern",
    [r"EMP-[0-9]{6}", r"\b[A-Z]{2,4}-\d{4,8}\b", r"(?i:mrn)[ :]{0,3}\d{6,10}", "(?:red|blue) team"],
)
def test_usual_patterns_are_taken(pattern):
    """What sites write for their own numbers is let through."""
    assert pattern == checked_pattern(pattern, where="privacy.custom.x").pattern
