"""The admin site: Django's admin over DynamoDB, S3 and SQS, with one module for each page.

Nothing is imported here: the pages register themselves with a site that is in this package too.
"""
