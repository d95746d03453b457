# The environment of Finetrack, for a clone that is mounted at /project (docs/container.md).
# TORCH=cpu has no CUDA; TORCH= has the package index's torch, which brings CUDA.
FROM python:3.13-slim-bookworm
ARG TORCH=cpu

# Triton's kernel is started by a C compiler; make is for those who are used to it.
RUN apt-get update \
 && apt-get install -y --no-install-recommends git make gcc libc6-dev \
 && rm -rf /var/lib/apt/lists/* \
 && git config --system --add safe.directory '*' \
 && useradd --create-home finetrack \
 && install -d -m 777 /opt/venv \
 && chmod 777 /home/finetrack

# Whoever runs it (--user) has a home and a name, which torch and DVC ask for.
ENV FINETRACK_VENV=/opt/venv HOME=/home/finetrack USER=finetrack PIP_NO_CACHE_DIR=1
USER finetrack
WORKDIR /tmp/build
COPY requirements.txt ./
COPY stages/base/errors.py stages/base/interruption.py stages/base/system_errors.py \
     stages/base/terminal.py stages/base/
COPY stages/tools/command_lines.py stages/tools/own_python.py stages/tools/run.py stages/tools/
# Without a mask, so that another user may install what a newer clone asks for.
RUN umask 0000 && python -m stages.tools.run environment "TORCH=$TORCH"

ENV PATH=/opt/venv/bin:$PATH
WORKDIR /project
ENTRYPOINT ["python", "-m", "stages.tools.run"]
CMD ["help"]
