"""Makes the edits of standard input by Python's own parsers, and prints those that come to another value than the new text.

A line of input is {"format", "old", "new", "unset", "merge", "set"}, with steps in place of pointers.
"""
import copy
import json
import sys

try:
    import tomllib
except ImportError:
    sys.exit("no tomllib")
try:
    import yaml
except ImportError:
    sys.exit("no PyYAML")


class Loader(yaml.SafeLoader):
    """Has the keys of maps as they are spelled, and merge keys as keys."""


def construct_mapping(loader, node):
    return {key.value: loader.construct_object(value, deep=True) for key, value in node.value}


def construct_tagged(loader, suffix, node):
    if isinstance(node, yaml.ScalarNode):
        return (suffix, node.value)
    if isinstance(node, yaml.SequenceNode):
        return (suffix, str([loader.construct_object(item, deep=True) for item in node.value]))
    return (suffix, str(construct_mapping(loader, node)))


Loader.add_constructor("tag:yaml.org,2002:map", construct_mapping)
Loader.add_multi_constructor("!", construct_tagged)


def load(format, text):
    if format == "JSON":
        return json.loads(text)
    if format == "TOML":
        return tomllib.loads(text)
    return yaml.load(text, Loader)


def found(value, steps):
    place = []
    for step in steps:
        if isinstance(value, list):
            if not step.isdigit() or int(step) >= len(value):
                return None
            step = int(step)
        elif not isinstance(value, dict) or step not in value:
            return None
        place.append(step)
        value = value[step]
    return place


def order(place):
    return [(isinstance(step, str), str(step) if isinstance(step, str) else step) for step in place]


def remove(value, place):
    for step in place[:-1]:
        value = value[step]
    del value[place[-1]]


def merge(value, patch):
    if not isinstance(patch, dict):
        return copy.deepcopy(patch)
    value = value if isinstance(value, dict) else {}
    for key, inner in patch.items():
        if inner is None:
            value.pop(key, None)
        else:
            value[key] = merge(value.get(key), inner)
    return value


def same(a, b):
    """Tells whether two values are equal and of the same types."""
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(same(a[key], b[key]) for key in a)
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(map(same, a, b))
    return type(a) is type(b) and (a == b or a != a and b != b)


def put(value, steps, new):
    if not steps:
        return copy.deepcopy(new)
    step, rest = steps[0], steps[1:]
    if value is None:
        value = [] if step == "-" else {}
    if isinstance(value, dict):
        value[step] = put(value.get(step), rest, new)
    elif step == "-":
        item = put(None, rest, new)
        if not any(same(item, other) for other in value):
            value.append(item)
    elif int(step) == len(value):
        value.append(put(None, rest, new))
    else:
        value[int(step)] = put(value[int(step)], rest, new)
    return value


for line in sys.stdin:
    case = json.loads(line)
    value = load(case["format"], case["old"])
    places = [place for place in (found(value, steps) for steps in case["unset"]) if place]
    places = sorted({json.dumps(place): place for place in places}.values(), key=order)
    for place in reversed(places):
        if found(value, [str(step) for step in place]):
            remove(value, place)
    if case["merge"] is not None:
        value = merge(value, case["merge"])
    for steps, new in case["set"]:
        value = put(value, steps, new)
    result = load(case["format"], case["new"])
    if not same(value, result):
        print(line.strip())
        print("expected", value)
        print("found   ", result)
