"""Print a YAML file as JSON: yaml2json.py FILE. Dates stay strings, keys keep their order."""
import json
import sys

import yaml


class Loader(yaml.SafeLoader):
    """YAML as JSON knows it: no dates."""


Loader.yaml_implicit_resolvers = {
    first: [(tag, regexp) for tag, regexp in rules if tag != "tag:yaml.org,2002:timestamp"]
    for first, rules in yaml.SafeLoader.yaml_implicit_resolvers.items()
}

with open(sys.argv[1], encoding="utf-8") as source:
    json.dump(yaml.load(source, Loader), sys.stdout, ensure_ascii=False, separators=(",", ":"))
