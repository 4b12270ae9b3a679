"""Print the credentials of demo.json, one a line: demo_lines.py FILE. Any nesting will do: an object with a password is one."""
import json
import sys


def lines(value, name=""):
    """Yield a line for each object with a password, named by the key it stands under."""
    if isinstance(value, dict):
        if "password" in value:
            yield f"{name or 'sign in':9} {value.get('email', '')}  {value['password']}"
        for key, inner in value.items():
            yield from lines(inner, value.get("role") or key)
    elif isinstance(value, list):
        for inner in value:
            yield from lines(inner, inner.get("role", name) if isinstance(inner, dict) else name)


with open(sys.argv[1], encoding="utf-8") as source:
    demo = json.load(source)
slug = demo.get("slug") or demo.get("firm") if isinstance(demo, dict) else None
if isinstance(slug, str):
    print(f"{'firm':9} {slug}")
for line in lines(demo):
    print(line)
if isinstance(demo, dict) and "api_key" in demo:
    print(f"{'API key':9} {demo['api_key']}")
