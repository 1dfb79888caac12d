#!/bin/sh
# Makes the SSH host keys at boot, when ssh is on and can be; with -f in any case.
if [ "${1:-}" != -f ]; then
  [ ! -e /etc/service/sshd/down ] && [ "$(id -u)" = 0 ] || exit 0
fi
[ -d /etc/service/sshd ] && [ "${DISABLE_SSH:-0}" != 1 ] || exit 0
exec /usr/lib/keelson/ssh-host-keys
