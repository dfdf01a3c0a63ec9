# One image for all processes: `docker run filehub worker`, `docker run filehub migrate`.
# docs/deployment.md says how to run it. Python is Debian's own, so that Debian's security updates
# cover it, and so that the tests can build the image from Debian's packages alone.
ARG BASE=docker.io/library/debian:bookworm-slim

FROM ${BASE} AS python
ARG DEBIAN_FRONTEND=noninteractive
RUN apt-get update \
    && apt-get upgrade -y \
    && apt-get install -y --no-install-recommends ca-certificates python3 tzdata \
    && rm -rf /var/lib/apt/lists/* /var/log/apt /var/log/dpkg.log /var/cache/debconf
ENV LANG=C.UTF-8 PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 PATH=/opt/venv/bin:$PATH
WORKDIR /app

FROM python AS packages
ARG DEBIAN_FRONTEND=noninteractive
RUN apt-get update && apt-get install -y --no-install-recommends python3-venv
RUN python3 -m venv /opt/venv
COPY requirements.txt requirements-otel.txt requirements-rates.txt ./
# From wheels alone, so that nothing is compiled and no package runs code while it is installed.
# requirements-otel.txt has what sends traces, requirements-rates.txt the clients for
# FILEHUB_SIGN_RATE_STORAGE.
RUN pip install --no-cache-dir --only-binary :all: --require-hashes \
      -r requirements.txt -r requirements-otel.txt -r requirements-rates.txt \
    && pip check

# The local AWS of compose.local.yaml. Not part of the image, which is the last stage.
FROM packages AS local-aws
COPY requirements-local.txt ./
RUN pip install --no-cache-dir --require-hashes -r requirements-local.txt \
    && install -d -o 10001 -g 10001 /var/lib/aws
USER 10001:10001
CMD ["python", "-m", "ministack"]

FROM packages AS code
COPY . .
# The names of static files contain a hash of their content and do not depend on the key.
RUN rm requirements*.txt \
    && python -m compileall -q /app/filehub /app/filehub_client /app/uploads \
    && DJANGO_SECRET_KEY=only-for-collectstatic-0123456789 DJANGO_STATIC_ROOT=/app/collected \
      python manage.py collectstatic --noinput --verbosity 0

FROM python
# /run/filehub has the files that the processes write: heartbeats, beat's schedule, and Celery's
# temporary files, without which no worker starts. As a volume it stays writable in a container whose root is read-only, and Fargate takes over its owner.
# /var/lib/filehub is for an SQLite database; without a volume it is not writable.
RUN groupadd --gid 10001 filehub \
    && useradd --uid 10001 --gid 10001 --home-dir /run/filehub --no-create-home filehub \
    && install -d -o filehub -g filehub -m 700 /run/filehub /var/lib/filehub
COPY --from=packages /opt/venv /opt/venv
COPY --from=code /app /app
ENV DJANGO_STATIC_ROOT=/app/collected \
    LOCAL_DIR=/run/filehub \
    FILEHUB_HEALTH_DIR=/run/filehub/health \
    TMPDIR=/run/filehub
# By number: Kubernetes cannot tell whether a name is root (runAsNonRoot).
USER 10001:10001
VOLUME /run/filehub
EXPOSE 8000
ENTRYPOINT ["/app/deploy/start"]
CMD ["web"]
HEALTHCHECK --interval=30s --timeout=10s --retries=2 --start-period=90s CMD ["/app/deploy/healthcheck"]
