"""Run the ``korlm`` command as ``python -m korlm``."""

import sys

from korlm.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
