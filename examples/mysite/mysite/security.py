"""The project's own Content-Security-Policy. filehub needs the address of the bucket in it."""

from uploads.core.conf import conf

_FROM_BUCKET = ("connect-src", "img-src", "media-src", "frame-src")


def content_security_policy(get_response):
    bucket = conf().s3_origin
    policy = dict.fromkeys(_FROM_BUCKET, f"'self' {bucket}")
    policy["img-src"] += " data: blob:"
    policy |= {"default-src": "'self'", "worker-src": "'self'", "frame-ancestors": "'none'"}
    text = "; ".join(f"{name} {sources}" for name, sources in policy.items())

    def middleware(request):
        response = get_response(request)
        response.headers.setdefault("Content-Security-Policy", text)
        return response

    return middleware
