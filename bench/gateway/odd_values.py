"""Values that no field expects: `ODD` as JSON can say them, `RAW` as only bytes can."""

from typing import Any

ODD: tuple[Any, ...] = (
    *(
        None,
        True,
        False,
        0,
        -1,
        2**63,
        -(2**63),
        2**64,
        1e308,
        -0.0,
        0.1,
        "",
        " ",
        "\x00",
        "\u2028",
        "a" * 5000,
    ),
    *(
        "😀",
        [],
        {},
        [[]],
        [None],
        {"": None},
        {"type": "text"},
        {"a": {"b": [1, "x"]}},
        [[1, 2], ["a"]],
        "json_schema",
    ),
)
RAW = (
    *(
        "NaN",
        "Infinity",
        "-Infinity",
        "1e400",
        "-1e400",
        "1" * 400,
        "0x10",
        "01",
        "+1",
        ".5",
        "1.",
        "1e",
        "tru",
        "nul",
    ),
    *('"\\ud800"', '"\\udc00\\ud800"', '"\\u00"', '"\\x41"', '"a\nb"', "'a'", "undefined", "[1,]", "{,}"),
)
