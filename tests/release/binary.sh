#!/usr/bin/env bash
# The release's binary: static, small, of no machine; and in a root folder that holds nothing else it serves, resolves
# names and speaks TLS to PostgreSQL.
#
#   tests/release/binary.sh BINARY
#
# Needs file, openssl, node and PostgreSQL.
set -euo pipefail
binary=$(realpath "$1")
cd "$(dirname "$0")/../.."
. tests/release/lib.sh
. tests/postgres.sh

# --- the file ---------------------------------------------------------------------------------

kind=$(file --brief "$binary")
[[ $kind =~ static(ally|-pie)\ linked.*,\ stripped ]] || fail "not static and stripped: $kind"
sections=$(readelf --dynamic "$binary")
[[ $sections != *NEEDED* ]] || fail "it needs libraries: $sections"
size=$(stat -c %s "$binary")
[ "$size" -lt 40000000 ] || fail "$size bytes are too many: 40 MB is the limit"
read -r told _ < <(tail -1 tests/release/size.txt)
[ "$size" -lt $((told + 500000)) ] || fail "$size bytes are 500 kB more than the last line of tests/release/size.txt: say there why"
for place in "$PWD" "$HOME/" "${CARGO_HOME:-$HOME/.cargo}" "${CARGO_TARGET_DIR:-$PWD/target}"; do
  if grep -qaF "$place" "$binary"; then fail "the file names the folder $place of this machine"; fi
done

# --- in a root of its own ---------------------------------------------------------------------

root=$work/root
mkdir -p "$root/etc" "$root/data"
cp "$binary" "$root/chaupal"
mapper=()
[ "$(id -u)" = 0 ] || mapper=(unshare --user --map-root-user)
settings=(CHAUPAL_DATA_DIR=/data CHAUPAL_SHUTDOWN__DRAIN_SECONDS=0)
alone() { # COMMAND…
  exec env -i "${settings[@]}" "${mapper[@]}" "$(PATH=$PATH:/usr/sbin command -v chroot)" "$root" "$@"
}

start alone /chaupal serve --demo :0
(alone /chaupal healthcheck "$url") >/dev/null
look_at "$url"
[[ $(fetch "$url/") == *'class="card room-card"'* ]] || fail "no rooms on the home page"
node tests/release/packed.mjs "$url" || fail "the static files are not as they should be"
stop

# --- PostgreSQL by name and TLS ---------------------------------------------------------------

name=database.example.org
certificate() { # FILE NAME
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj "/CN=$2" \
    -addext "subjectAltName=DNS:$2" -keyout "$1.key" -out "$1.pem" 2>/dev/null
}
certificate "$work/server" "$name"
certificate "$work/other" "$name"
cp "$work/server.pem" "$root/etc/ca.pem"
cp "$work/other.pem" "$root/etc/other.pem"

prepare_postgres() { # DATA
  cp "$work/server.pem" "$1/server.crt"
  cp "$work/server.key" "$1/server.key"
  if [ "$(id -u)" = 0 ]; then chown postgres: "$1/server.key"; fi
  chmod 600 "$1/server.key"
  echo "ssl = on" >>"$1/postgresql.conf"
  printf '%s\n' "local all all trust" "hostssl all all 127.0.0.1/32 trust" >"$1/pg_hba.conf"
}
tidy_postgres() { stop_postgres "$work/database"; tidy; }
trap tidy_postgres EXIT
mkdir "$work/database"
start_postgres "$work/database"

# From a name server, where we may be one; else from the list of hosts.
if [ "$(id -u)" = 0 ]; then
  node tests/release/dns.mjs 127.0.0.99 "$name" 127.0.0.1 >"$work/dns" 2>&1 &
  for _ in $(seq 100); do grep -q ready "$work/dns" && break; sleep 0.05; done
  grep -q ready "$work/dns" || fail "$(cat "$work/dns")"
  echo "nameserver 127.0.0.99" >"$root/etc/resolv.conf"
  echo "127.0.0.1 other.example.org" >"$root/etc/hosts"
else
  echo "127.0.0.1 $name other.example.org" >"$root/etc/hosts"
fi

use() { settings[2]=CHAUPAL_DATABASE__URL="postgres://postgres@$1:$postgres_port/postgres?$2"; }
refused() { # WORDS HOST PARAMETERS
  use "$2" "$3"
  if (alone /chaupal migrate) >"$work/migrate" 2>&1; then fail "PostgreSQL was spoken to at $2 with $3"; fi
  grep -q "$1" "$work/migrate" || fail "not \"$1\" but $(cat "$work/migrate")"
}
refused "no pg_hba.conf entry" "$name" "sslmode=disable"
refused "could not translate host name" nobody.example.org "sslmode=require"
refused "certificate verify failed" "$name" "sslmode=verify-full&sslrootcert=/etc/other.pem"
refused "does not match host name" other.example.org "sslmode=verify-full&sslrootcert=/etc/ca.pem"
use "$name" "sslmode=require"
(alone /chaupal migrate) >/dev/null
refused "certificate verify failed" "$name" "sslmode=verify-full&sslrootcert=system"
# Where the image has the known authorities.
install -D "$work/server.pem" "$root/etc/ssl/cert.pem"
use "$name" "sslmode=verify-full&sslrootcert=system"
(alone /chaupal migrate) >/dev/null
use "$name" "sslmode=verify-full&sslrootcert=/etc/ca.pem"
start alone /chaupal serve :0
look_at "$url"
stop
echo "static, $size bytes; serves from an empty root; PostgreSQL by name and TLS"
