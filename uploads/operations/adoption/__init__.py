"""`manage.py adopt`: copy objects that are in S3 already into filehub, on the server side.

Nothing is written to the table here: the copies are confirmed by their own events, like uploads.
"""
