#!/bin/sh
# Arguments that begin with a dash are those of the server.
case "${1-}" in -*) set -- nats-server "$@" ;; esac
exec "$@"
