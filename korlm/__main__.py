"""``python -m korlm`` is the ``korlm`` command."""

import sys

from korlm.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
