"""Upload a file with boto3 as a script would, and print the seconds that it took.

    python -m benchmarks.boto3_upload ENDPOINT BUCKET PATH

A process of its own, because boto3 must not share Python's lock with the proxy.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import boto3


def main(endpoint: str, bucket: str, path: str) -> None:
    client = boto3.client("s3", region_name=os.environ["AWS_REGION"], endpoint_url=endpoint)
    began = time.perf_counter()
    client.upload_file(path, bucket, Path(path).name)
    print(time.perf_counter() - began)


if __name__ == "__main__":
    main(*sys.argv[1:])
