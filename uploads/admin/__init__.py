"""The admin site: Django's admin on top of DynamoDB, S3 and SQS, with one module per page.

This module imports nothing, because the pages register with a site that is in this package too.
"""
