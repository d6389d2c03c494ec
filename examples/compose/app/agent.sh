#!/bin/sh
# Stands for an agent that has all that it needs when it starts, or does not start.
set -eu
trap 'exit 0' TERM # PID 1 gets no signal that it does not handle
grep -q '^model: /models/model.bin$' /config/agent.yaml
test -s /models/cache/warm
echo "agent: started"
while :; do
	sleep 3600 &
	wait $!
done
