# The image holds one file, which `make image` builds first: inith for linux, whatever the host.
# Where gcr.io is out of reach, BASE=scratch is enough: inith brings its own certificate
# authorities and needs no passwd. Both builders understand every line.
ARG BASE=gcr.io/distroless/static-debian12:nonroot
FROM $BASE
COPY bin/linux/inith /inith
# Numeric, so that the kubelet can tell that it is not root: see runAsNonRoot.
USER 65532:65532
ENTRYPOINT ["/inith"]
# Last, and declared after FROM, which forgets what was declared before it.
ARG VERSION
ARG REVISION
LABEL org.opencontainers.image.title="inith" \
      org.opencontainers.image.description="Prepares a container before its application starts: waits for what it depends on, downloads what it needs, then becomes the application" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.source="https://github.com/inith/inith" \
      org.opencontainers.image.version="$VERSION" \
      org.opencontainers.image.revision="$REVISION"
