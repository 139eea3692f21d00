#!/bin/sh
# Usage: unshare --mount sh in-root.sh ROOT ro|rw UID:GID FOLDER [SOURCE:TARGET[:rw]]... -- COMMAND [ARGUMENT]...
# Runs a command as a container engine would: ROOT is its root file system, each SOURCE is seen at TARGET, read-only but
# for `:rw`, /proc and the usual devices are there, and no more privileges can be had. The mounts belong to the namespace
# of this process alone and vanish with it; it becomes the command by a chain of exec, so signals reach the command.
set -eu
root=$1 mode=$2 user=$3 folder=$4
shift 4

# An engine, too, makes the mount points it needs.
make_point() {
  if [ -d "$1" ]; then mkdir -p "$2"; return; fi
  mkdir -p "$(dirname "$2")"
  [ -e "$2" ] || : >"$2"
}

mount --bind "$root" "$root"
while [ "$1" != -- ]; do
  source=${1%%:*} target=$root${1#*:} access=ro
  case $target in *:rw) access=rw target=${target%:rw} ;; esac
  make_point "$source" "$target"
  mount --bind "$source" "$target"
  [ "$access" = rw ] || mount -o remount,bind,ro "$target"
  shift
done
shift

mkdir -p "$root/proc" "$root/dev"
mount --rbind /proc "$root/proc"
mount -t tmpfs -o mode=755 tmpfs "$root/dev"
for device in null zero full random urandom; do
  : >"$root/dev/$device"
  mount --bind "/dev/$device" "$root/dev/$device"
done
[ "$mode" = rw ] || mount -o remount,bind,ro "$root"

exec setpriv --no-new-privs \
  unshare --root="$root" --wd="$folder" --setgid="${user#*:}" --setuid="${user%:*}" -- "$@"
