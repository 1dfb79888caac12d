#!/bin/sh
# Makes the SSH host keys at boot, when ssh is on; with -f in any case.
[ "${1:-}" = -f ] || [ ! -e /etc/service/sshd/down ] || exit 0
[ -d /etc/service/sshd ] && [ "${DISABLE_SSH:-0}" != 1 ] || exit 0
exec /usr/lib/keelson/ssh-host-keys
