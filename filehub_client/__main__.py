"""`python -m filehub_client` is the command `filehub`."""

from filehub_client.cli import run

run()
