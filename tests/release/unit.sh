#!/usr/bin/env bash
# The systemd unit of deploy/: systemd finds nothing wrong with it, and little that it could be kept from.
#
#   tests/release/unit.sh BINARY
#
# Needs systemd's tools, not systemd itself.
set -euo pipefail
binary=$(realpath "$1")
cd "$(dirname "$0")/../.."
. tests/release/lib.sh

# 0 is kept from everything, 100 from nothing.
MOST_EXPOSED=15

unit=$work/chaupal.service
sed "s|^ExecStart=/usr/local/bin/chaupal |ExecStart=$binary |" deploy/chaupal.service >"$unit"
complaints=$(systemd-analyze verify "$unit" 2>&1) || fail "$complaints"
[ -z "$complaints" ] || fail "$complaints"
systemd-analyze security --offline=yes --threshold=$MOST_EXPOSED "$unit" >"$work/security" 2>&1 || { cat "$work/security"; fail "too exposed"; }
tail -n 1 "$work/security"
