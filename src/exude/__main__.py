"""`python -m exude` is `exude`."""

import sys

from exude.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
