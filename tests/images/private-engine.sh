#!/bin/sh
# Runs a container engine in the mount, network and process namespaces of this shell: private-engine.sh ROOT REPOSITORY
#
# The folder ROOT becomes the root of the mount namespace itself. With chroot alone a program that enters a container's
# namespaces would find the machine's root instead of the container's.
set -e
mount --make-rprivate /
mount --bind "$1" "$1"
mount -t proc proc "$1/proc"
mount -t sysfs sysfs "$1/sys"
mount --rbind /sys/fs/cgroup "$1/sys/fs/cgroup"
mount --rbind /dev "$1/dev"
mount -t tmpfs tmpfs "$1/run"
mount -t tmpfs tmpfs "$1/tmp"
mkdir -p "$1$2" "$1/machine"
mount --rbind "$2" "$1$2"
ip link set lo up
cd "$1"
pivot_root . machine
cd /
umount -l /machine
exec dockerd --host unix:///run/docker.sock --pidfile /run/docker.pid --cgroup-parent rekey-images
