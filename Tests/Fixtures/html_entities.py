"""Writes the table of HTML's named characters, from Python's own: Sources/SigLIPModel/Text/CLIP/HTMLEntities.swift.

Needs nothing but Python; written with 3.11.
"""

from html.entities import html5
from pathlib import Path

OUTPUT = Path(__file__).parent / "../../Sources/SigLIPModel/Text/CLIP/HTMLEntities.swift"

entries = []
for name in sorted(html5):
    if name.endswith(";"):
        # Those with an exclamation mark count without a semicolon too.
        mark = "!" if name[:-1] in html5 else ":"
        entries.append(name[:-1] + mark + "+".join(f"{ord(scalar):X}" for scalar in html5[name]))
lines, line = [], ""
for entry in entries:
    if len(line) + len(entry) > 105:
        lines.append(line)
        line = ""
    line += entry + " "
lines.append(line.rstrip())
table = "\n".join(f"    {line}\\" if line.endswith(" ") else f"    {line}" for line in lines)
OUTPUT.write_text(f'''// Written by Tests/Fixtures/html_entities.py.

/// HTML's named characters (HTML standard, 13.5).
enum HTMLEntities {{
  /// Names, each with its scalars in hexadecimal; behind an exclamation mark where the name needs no semicolon.
  static let table = """
{table}
    """
}}
''')
print(len(entries), "names")
