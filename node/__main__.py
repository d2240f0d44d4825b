"""``python -m node run HOME``: what a supervisor starts; people use ``monazite node run``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Final

from client.passphrase import from_environment_or_terminal
from node.cli.running import NodeExit, run_node

INTERRUPTED: Final = 130
"""As a shell tells the end by Ctrl-C."""


def main() -> int:
    """Run the node whose home is the only argument."""
    if not __debug__:
        sys.stderr.write("python -O removes checks of invariants; run the node without it.\n")
        return 2
    match sys.argv[1:]:
        case ["run", home]:
            try:
                run_node(Path(home), from_environment_or_terminal)
            except KeyboardInterrupt:
                sys.stderr.write("interrupted before the node had started\n")
                return INTERRUPTED
            except NodeExit as ending:
                sys.stderr.write(f"{ending.sentence}\n")
                return ending.exit_code
            return 0
        case _:
            sys.stderr.write("usage: python -m node run HOME\n")
            return 2


if __name__ == "__main__":
    sys.exit(main())
