#!/bin/sh
# Usage: build-release.sh, in a git clone of Aegis, as root. Builds what the clone has checked out into
# /opt/aegis/releases/VERSION and prints that folder; what runs at the moment is not touched.
#
# The steps are those of deploy/docker/Dockerfile: each program gets a tree of its own, so that the AWS SDK is nowhere beside
# the API. No script of any npm package runs.
set -eu
umask 022
releases=${AEGIS_RELEASES:-/opt/aegis/releases}

cd "$(dirname "$0")/../.."
version=$(git rev-parse --short=12 HEAD)
release=$releases/$version
if [ -e "$release" ]; then
  echo "$release"
  exit 0
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# Only what is committed is built: a release has the name of its commit.
git archive HEAD | tar -x -C "$work"
cd "$work"

install_packages() {
  npm ci --ignore-scripts --no-audit --no-fund --loglevel=error "$@" >&2
}

echo "building $version" >&2
install_packages --include-workspace-root --workspace=apps/api --workspace=apps/jobs --workspace=libs/ec2-sim
node node_modules/typescript/bin/tsc -b apps/api apps/jobs libs/ec2-sim >&2
node deploy/bundle/bundle-apps.mjs >&2

mkdir -p "$releases"
rm -rf "$release.new"
for app in api jobs; do
  sh deploy/docker/assemble-bundle.sh "$app" "$release.new/$app"
done
# npm counts what the tests of a linked library need among what the library needs.
npm pkg delete devDependencies --workspaces --include-workspace-root >&2
install_packages --omit=dev --workspace=libs/ec2-sim
sh deploy/docker/assemble-app.sh "$release.new/sim"
cp -R deploy/systemd "$release.new/systemd"
cp docs/install-systemd.md LICENSE "$release.new/"
chown -R root:root "$release.new"
chmod -R u=rwX,go=rX "$release.new"
mv "$release.new" "$release"
echo "$release"
