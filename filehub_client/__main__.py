"""`python -m filehub_client` is the command `filehub`."""

import sys

from filehub_client.cli import main

sys.exit(main())
