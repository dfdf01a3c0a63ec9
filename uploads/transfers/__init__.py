"""Presigned uploads: everything a client needs to send a file to S3, whole or in parts."""
