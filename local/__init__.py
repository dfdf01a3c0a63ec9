"""Run filehub on one machine, with a local AWS. Not part of a deployment."""
