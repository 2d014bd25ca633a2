"""The process of the command `varprop`, also `python -m varprop`.

A file of its own, since an interruption may come while the command is still being imported.
"""

import sys

__all__ = ["main"]

try:
    from varprop.cli import main
except KeyboardInterrupt:
    print("varprop: interrupted", file=sys.stderr)
    sys.exit(130)

if __name__ == "__main__":
    sys.exit(main())
