#!/bin/sh
# Usage: collect-root-files.sh OUT
# Puts into OUT the root file system of an image that can run Node and nothing else: the program, the shared libraries it
# is linked with, and the few files of /etc that name look-ups read. glibc 2.34 and later resolve names without plug-ins.
set -eu
out=$1
node=$(command -v node)

mkdir -p "$out/usr/local/bin" "$out/etc" "$out/app"
cp -L "$node" "$out/usr/local/bin/node"
ldd "$node" | grep -o '/[^ ]*' | while read -r library; do
  mkdir -p "$out$(dirname "$library")"
  cp -L "$library" "$out$library"
done
echo 'hosts: files dns' >"$out/etc/nsswitch.conf"
printf '%s\n' 'root:x:0:0:root:/:/sbin/nologin' 'aegis:x:10001:10001:Aegis:/app:/sbin/nologin' >"$out/etc/passwd"
printf '%s\n' 'root:x:0:' 'aegis:x:10001:' >"$out/etc/group"
