#!/bin/sh
# install-tools.sh [PREFIX]: installs docker-ssh, docker-bash and keelson on this Docker host, below /usr/local by default:
# native programs, which need no .NET. In a checkout it builds them first, with make and the .NET SDK.
set -eu
cd "$(dirname "$0")"
prefix=${1:-/usr/local}

if [ ! -x build/host/keelson ]; then
  make build/host/keelson
fi
if ! mkdir -p "$prefix/bin" "$prefix/share/man/man8" 2>/dev/null || ! [ -w "$prefix/bin" ]; then
  echo "install-tools.sh: can't write to $prefix. Try: sudo $0 $prefix, or: $0 \"\$HOME/.local\"" >&2
  exit 1
fi
# By rename: one of them may be running.
cp build/host/keelson "$prefix/bin/.keelson.new"
chmod 755 "$prefix/bin/.keelson.new"
mv -f "$prefix/bin/.keelson.new" "$prefix/bin/keelson"
ln -sf keelson "$prefix/bin/docker-ssh"
ln -sf keelson "$prefix/bin/docker-bash"
cp docs/man/host/*.8 "$prefix/share/man/man8/"
echo "installed docker-ssh, docker-bash and keelson in $prefix/bin"
