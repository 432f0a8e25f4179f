"""`python -m cofeat` is `cofeat`."""

import sys

from cofeat.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
