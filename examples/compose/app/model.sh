#!/bin/sh
# Stands for an application that loads a model and serves.
set -eu
trap 'exit 0' TERM # PID 1 gets no signal that it does not handle
echo "app: started with $(wc -c </models/model.bin) bytes"
busybox httpd -f -p 8080 -h /models &
wait
