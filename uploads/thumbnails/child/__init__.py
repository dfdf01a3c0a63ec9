"""The child process that parses untrusted files, the only one that imports image libraries.

It gets neither the environment nor the open files of its parent, and it is killed if it takes too
much time or memory. This is no sandbox: it has the rights of its user, so a file that took it over
by an unknown bug could read the environment of the user's other processes in /proc.
"""
