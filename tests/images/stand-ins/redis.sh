#!/bin/sh
# Runs the server as its user and, as that image does, without protected mode: the network decides who connects.
[ "$1" != redis-server ] || set -- "$@" --protected-mode no
exec setpriv --reuid=999 --regid=999 --clear-groups "$@"
