# One image for the code server, the webserver, the daemon and the service; docker-compose.yml says which command is which.
FROM python:3.11.15-slim-bookworm AS build

ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
WORKDIR /build
RUN python -m venv /opt/sqf
# dependencies first: their layer is made again only when they change
COPY pyproject.toml constraints.txt ./
RUN python -c "import tomllib; print('\n'.join(tomllib.load(open('pyproject.toml', 'rb'))['project']['dependencies']))" > requirements.txt
RUN /opt/sqf/bin/python -m pip install --constraint constraints.txt --requirement requirements.txt
COPY README.md LICENSE ./
COPY sqf_pipeline ./sqf_pipeline
RUN /opt/sqf/bin/python -m pip install --constraint constraints.txt --no-deps .


FROM python:3.11.15-slim-bookworm

LABEL org.opencontainers.image.title="sqf_pipeline" org.opencontainers.image.licenses="Apache-2.0"
# a number, so that a platform which refuses root can see that this is another
RUN useradd --system --uid 10001 --user-group --no-create-home --home-dir /nonexistent sqf \
 && install --directory --owner=sqf --group=sqf --mode=0750 /srv/sqf /srv/sqf/published /srv/sqf/home /srv/sqf/home/exports /srv/sqf/logs
COPY --from=build /opt/sqf /opt/sqf
COPY deploy/dagster.yaml deploy/workspace.yaml /opt/dagster/

# remarks of libraries about their own beta parameters would fill the logs
ENV PATH=/opt/sqf/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    PYTHONWARNINGS=ignore \
    MPLCONFIGDIR=/tmp/matplotlib \
    DAGSTER_HOME=/opt/dagster \
    SQF_HOME=/srv/sqf/home \
    SQF_DATA_DIR=/srv/sqf/published \
    SQF_DAGSTER_LOGS=/srv/sqf/logs

WORKDIR /srv/sqf
USER 10001:10001
EXPOSE 8000
# of the command below; the other services have their own in docker-compose.yml
HEALTHCHECK --interval=15s --timeout=10s --start-period=30s --retries=4 \
    CMD ["python", "-c", "from urllib.request import urlopen; urlopen('http://127.0.0.1:8000/healthz', timeout=5)"]
CMD ["sqf", "serve", "--host", "0.0.0.0", "--wait"]
