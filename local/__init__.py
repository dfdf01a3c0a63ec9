"""Running filehub on one machine: local AWS and the processes. Not part of a deployment."""
