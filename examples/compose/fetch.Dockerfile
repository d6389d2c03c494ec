# The entry point pattern: the application's own image, with inith in front of the application.
ARG INITH=inith
ARG BASE=busybox:1.36
# WHY a stage: COPY --from does not expand variables.
FROM $INITH AS inith

FROM $BASE
COPY --from=inith /inith /inith
COPY app /app
# WHY: a new volume takes its owner from the folder in the image, and belongs to root without one.
RUN mkdir /models && chown 65532:65532 /models
# WHY numeric: no passwd entry is needed, by inith neither.
USER 65532:65532
# WHY no SOURCE and no digest here: the image is built once, and its model named where it runs, by variables.
# The application takes inith's place: it is PID 1, and nothing of inith is left beside it.
ENTRYPOINT ["/inith", "fetch", "--from-env", "MODEL_URL", "/models/model.bin", "--"]
# WHY apart from the entry point: `command:` and `docker run IMAGE sh` replace this part alone, and still fetch.
CMD ["sh", "/app/model.sh"]
