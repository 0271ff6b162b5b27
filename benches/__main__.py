"""`script/bench [NAME …]`: run the benches, print their figures, keep them in docs/proof.d, fold docs/proof.md."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib import import_module

from benches import proof

NAMES = ("codec", "mint", "redeem", "pages", "entitlements", "sweep", "policies")


def main(arguments: list[str]) -> int:
    """Run the named benches (all without a name); `fold` only writes docs/proof.md anew."""
    if "--help" in arguments:
        print(f"script/bench [{' | '.join(NAMES)} | fold …]")
        return 0
    names = arguments or list(NAMES)
    unknown = [name for name in names if name not in (*NAMES, "fold")]
    if unknown:
        print(f"no such bench: {', '.join(unknown)}; there are {', '.join(NAMES)}", file=sys.stderr)
        return 2
    if len(names) > 1:
        # Each in a process of its own: its server ends with it, and so does what Django knows of it.
        ended = [subprocess.run([sys.executable, "-m", "benches", name], check=False).returncode for name in names]
        return max(ended)
    for name in names:
        if name != "fold":
            figures = import_module(f"benches.{name}").run()
            print(json.dumps({name: figures}, indent=1))
            proof.keep(f"bench-{name}", figures)
    proof.fold()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
