"""YAML as plain values, with the line of every key; duplicate keys and exploding aliases are refused."""

import re
from typing import Any

import yaml

Lines = dict[tuple[str | int, ...], int]

_MOST_NODES = 10_000
_DEEPEST = 40


class _Loader(yaml.SafeLoader):
    """The safe loader, for which 1e-3 is a number as in YAML 1.2 and JSON."""


_Loader.yaml_implicit_resolvers = {k: list(v) for k, v in yaml.SafeLoader.yaml_implicit_resolvers.items()}
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"^[-+]?[0-9]+(\.[0-9]*)?[eE][-+]?[0-9]+$"), list("-+0123456789")
)


def parse(text: str) -> tuple[Any, Lines]:
    """Returns the document's value and the line (from 1) of each key and list item, by its path.

    Raises:
        yaml.YAMLError: it is not YAML, or holds more than one document or a foreign tag.
        ValueError: a key stands twice, or aliases or nesting expand beyond every task file.
    """
    loader = _Loader(text)
    try:
        node = loader.get_single_node()
        if node is None:
            return None, {}
        walk = _Walk(loader)
        return walk.value(node, ()), walk.lines
    except RecursionError as error:
        raise ValueError("it is nested too deep") from error
    finally:
        loader.dispose()


class _Walk:
    def __init__(self, loader: _Loader) -> None:
        self._loader = loader
        self._nodes = 0
        self.lines: Lines = {}

    def value(self, node: yaml.Node, path: tuple[str | int, ...]) -> Any:
        self._nodes += 1
        if self._nodes > _MOST_NODES or len(path) > _DEEPEST:
            raise ValueError("its aliases or its nesting expand beyond what settings need")
        self.lines[path] = node.start_mark.line + 1
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, path)
        if isinstance(node, yaml.SequenceNode):
            return [self.value(item, (*path, index)) for index, item in enumerate(node.value)]
        return self._loader.construct_object(node)

    def _mapping(self, node: yaml.MappingNode, path: tuple[str | int, ...]) -> dict[Any, Any]:
        result: dict[Any, Any] = {}
        for key_node, value_node in node.value:
            line = key_node.start_mark.line + 1
            if not isinstance(key_node, yaml.ScalarNode):
                raise ValueError(f"line {line}: a key must be a word")  # noqa: TRY004 - wrong data, not type
            key = str(key_node.value)
            if key in result:
                earlier = self.lines[(*path, key)]
                raise ValueError(f"line {line}: the key {key!r} stands twice, first on line {earlier}")
            result[key] = self.value(value_node, (*path, key))
            self.lines[(*path, key)] = line
        return result
