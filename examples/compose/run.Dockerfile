# The entry point pattern: the application's own image, with inith and a plan in front of the application.
ARG INITH=inith
ARG BASE=postgres:17-alpine
# WHY a stage: COPY --from does not expand variables.
FROM $INITH AS inith

# Stands for the application's image, which has its migrator.
FROM $BASE
COPY --from=inith /inith /inith
COPY compose/app /app
COPY plans/ai-agent.yaml /plan.yaml
# WHY: a new volume takes its owner from the folder in the image, and belongs to root without one.
RUN mkdir /models /config && chown 65532:65532 /models /config
# WHY numeric: no passwd entry is needed, by inith neither.
USER 65532:65532
# WHY: this base asks for SIGINT, which stops a database.
STOPSIGNAL SIGTERM
ENTRYPOINT ["/inith", "run", "/plan.yaml", "--"]
# WHY apart from the entry point: `command:` and `docker run IMAGE sh` replace this part alone, and still run the plan.
CMD ["/app/agent.sh"]
