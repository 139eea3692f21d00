#!/bin/sh
# Usage: assemble-bundle.sh APP OUT, in a folder where deploy/bundle/bundle-apps.mjs has run.
# Puts into OUT what apps/APP needs to run: its bundle and the files that are read at run time, each where it is in the
# repository. Sources, tests, packages and other programs stay out.
set -eu
app=$1 out=$2

# copy FOLDER FILE...
copy() {
  folder=$1
  shift
  mkdir -p "$out/$folder"
  for file in "$@"; do
    if [ -e "$folder/$file" ]; then cp -a "$folder/$file" "$out/$folder/"; fi
  done
}

copy "apps/$app" package.json lua docs-page agent
copy "apps/$app/bundle" "aegis-$app.mjs" "aegis-$app.mjs.map" THIRD-PARTY.txt
copy libs/relays lua
# The one package whose files are sent as they are: the page that shows the API in a browser.
if [ "$app" = api ]; then
  copy node_modules/swagger-ui-dist package.json LICENSE NOTICE favicon-32x32.png swagger-ui.css \
    swagger-ui-bundle.js swagger-ui-bundle.js.LICENSE.txt
fi
