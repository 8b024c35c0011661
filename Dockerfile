# The app on port 8501:  docker build -t virialff . && docker run -p 8501:8501 -v virialff:/data virialff
# The command line:      docker run virialff virialff params CCO
FROM python:3.11-slim-bookworm AS build
WORKDIR /src
# torch alone comes from the index of its CPU builds, which have no gigabytes of CUDA.
ARG TORCH_INDEX=https://download.pytorch.org/whl/cpu
RUN python -m venv /opt/virialff
ENV PATH=/opt/virialff/bin:$PATH PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
COPY requirements.txt constraints.txt ./
COPY locks locks
# As `make TORCH_INDEX=...` does it: everything by its sha256 but torch, whose builds each index makes itself.
RUN pip install --no-deps --only-binary :all: --require-hashes -r locks/run.txt \
    && pip install --index-url "$TORCH_INDEX" -c constraints.txt "$(grep '^torch==' requirements.txt)"
COPY . .
# 3Dmol.js goes into the wheel; without it the 3D view loads the file from a public CDN.
RUN python scripts/fetch_3dmol.py && pip install --no-deps --no-build-isolation .

FROM python:3.11-slim-bookworm
# RDKit's drawings and the Fortran of the engines need these, at whatever version Debian has fixed them to.
# hadolint ignore=DL3008
RUN apt-get update && apt-get install -y --no-install-recommends libgomp1 libgfortran5 libxrender1 libxext6 \
    && rm -rf /var/lib/apt/lists/* && useradd --create-home virialff && mkdir /data && chown virialff /data
COPY --from=build /opt/virialff /opt/virialff
ENV PATH=/opt/virialff/bin:$PATH XDG_DATA_HOME=/data XDG_CACHE_HOME=/data/cache
USER virialff
WORKDIR /data
EXPOSE 8501
HEALTHCHECK CMD ["python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:8501/_stcore/health')"]
CMD ["virialff", "app", "--address", "0.0.0.0", "--port", "8501"]
