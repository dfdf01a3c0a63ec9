"""The child process that parses untrusted files, the only one that imports image libraries.

It has the rights of its user, but neither the environment nor the memory of its parent, and it is
killed if it takes too much time or memory.
"""
