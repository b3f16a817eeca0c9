#!/bin/sh
# Starts the service of an image with the arguments of its node-arguments, and passes SIGTERM and SIGINT on to it.
#
# The kernel drops signals to process 1 that it has no handler for, and Node has none until its modules are loaded: a
# container that is stopped in its first half second would run on until it is killed. This shell has one at once.
stop() {
  stopping=1
  [ -z "$service" ] || kill -TERM "$service" 2>/dev/null
}
trap stop TERM INT
node $(cat "services/$SERVICE/node-arguments") "services/$SERVICE/src/main.ts" &
service=$!
[ -z "$stopping" ] || stop
# A handled signal ends `wait` early.
wait "$service"
status=$?
while kill -0 "$service" 2>/dev/null; do
  wait "$service"
  status=$?
done
exit "$status"
