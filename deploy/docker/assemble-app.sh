#!/bin/sh
# Usage: assemble-app.sh OUT, in a folder where npm has installed the production dependencies of one workspace.
# Puts into OUT what a program that is no bundle needs to run: node_modules, and of each workspace npm linked there (the
# program and the libraries it depends on) the built files. Sources, tests and other programs stay out.
set -eu
out=$1

mkdir -p "$out"
cp -a node_modules "$out/"
# npm links a workspace as node_modules/@aegis/NAME -> ../../FOLDER.
for link in node_modules/@aegis/*; do
  folder=$(readlink "$link")
  folder=${folder#../../}
  mkdir -p "$out/$folder"
  for part in package.json dist; do
    if [ -e "$folder/$part" ]; then cp -a "$folder/$part" "$out/$folder/"; fi
  done
done
# Declarations and build records serve compilers alone.
find "$out" -path "$out/node_modules" -prune -o \
  \( -name '*.d.ts' -o -name '*.d.ts.map' -o -name '*.tsbuildinfo' \) -exec rm {} +
