# One image for every process; what it runs is the command.
FROM python:3.12-slim

ENV PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    PIP_DISABLE_PIP_VERSION_CHECK=1 \
    PIP_NO_CACHE_DIR=1

WORKDIR /app
COPY requirements/worker.txt requirements/worker.txt
RUN pip install --require-hashes -r requirements/worker.txt

COPY smsq smsq
COPY config config
COPY tasks tasks
COPY worker worker

# No process of ours writes to the disk.
RUN useradd --system --uid 10001 --no-create-home smsq
USER 10001

# `python -m smsq.cli` is the smsq command: the image holds the source, not the wheel.
CMD ["celery", "-A", "worker", "worker"]
