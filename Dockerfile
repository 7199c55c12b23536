# One image: Dagster's code server, webserver and daemon, and the migrations. docker-compose.yml says what each runs.
# The tag is exact to the patch; docs/containers.md says how to pin the digest too.
ARG PYTHON_IMAGE=python:3.12.13-slim-bookworm

FROM ${PYTHON_IMAGE} AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 \
    PIP_NO_CACHE_DIR=1
RUN python -m venv --without-pip /opt/weather
WORKDIR /build
COPY requirements.txt ./
# Wheels alone: no compiler is needed, and no package runs code of its own while it is installed. The secret `pip` may
# hold a pip.conf, for a company's own index.
RUN --mount=type=secret,id=pip,target=/etc/pip.conf \
    pip --python /opt/weather/bin/python install --require-hashes --only-binary=:all: -r requirements.txt
COPY pyproject.toml README.md LICENSE jars.lock ./
COPY weather_pipeline ./weather_pipeline
RUN pip --python /opt/weather/bin/python install --no-index --no-deps --no-build-isolation . \
    && pip --python /opt/weather/bin/python uninstall --yes hatchling editables

FROM ${PYTHON_IMAGE}
ARG VERSION=0.1.0
LABEL org.opencontainers.image.title="weather-pipeline" \
      org.opencontainers.image.description="A Dagster weather data platform with exact OpenLineage lineage" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.licenses="Apache-2.0"
# The id is fixed, so that a volume's files keep their owner from image to image.
RUN groupadd --gid 10001 weather \
    && useradd --uid 10001 --gid weather --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin weather \
    && install -d -o weather -g weather /opt/dagster/storage
COPY --from=build /opt/weather /opt/weather
# The instance's file belongs to the image: only storage/ is a volume, and a new image brings its new settings.
COPY weather_pipeline/stack/dagster.yaml docker/workspace.yaml /opt/dagster/
ENV PATH=/opt/weather/bin:$PATH \
    DAGSTER_HOME=/opt/dagster \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1
WORKDIR /opt/dagster
USER 10001:10001
CMD ["weather", "--help"]
