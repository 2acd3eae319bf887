# A PostgreSQL server for one run of tests; read by `.`, not run.

postgres_bin() { ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -V | tail -n 1; }

# PostgreSQL refuses to run as root.
as_postgres() {
  if [ "$(id -u)" = 0 ]; then (cd / && setpriv --reuid=postgres --regid=postgres --clear-groups -- "$@"); else "$@"; fi
}

# Makes FOLDER/pg: in memory, where there is room for 4 GB. Each test has a database of its own, of three hundred files: on a
# disk these take most of a second of a core, in memory a fiftieth of one.
postgres_data() { # FOLDER
  local memory=/dev/shm room free data
  # What a run left that was killed.
  for data in "$memory"/chaupal-tests-*; do
    if [ -d "$data" ] && [ -n "$(find "$data" -maxdepth 0 -mmin +60)" ] && ! kill -0 "$(head -n 1 "$data/postmaster.pid" 2>/dev/null)" 2>/dev/null; then
      rm -rf "$data"
    fi
  done
  room=$(df --block-size=1K --output=avail "$memory" 2>/dev/null | tail -n 1) || room=0
  free=$(sed -n 's/^MemAvailable: *\([0-9]*\) kB$/\1/p' /proc/meminfo 2>/dev/null) || free=0
  if [ "${room:-0}" -ge 4000000 ] && [ "${free:-0}" -ge 4000000 ] && data=$(mktemp -d "$memory/chaupal-tests-XXXXXX" 2>/dev/null); then
    ln -sT "$data" "$1/pg"
  else
    mkdir "$1/pg"
  fi
}

# Sets `postgres_port`. What the server holds need not survive a power cut. FOLDER must be reachable for the user
# `postgres`; the server's data stands in FOLDER/pg, where a function `prepare_postgres` may change it before the start.
start_postgres() { # FOLDER
  local folder=$1 bin log=$1/socket/log
  bin=$(postgres_bin)
  mkdir "$folder/socket" || return
  postgres_data "$folder" || return
  chmod 711 "$folder"
  if [ "$(id -u)" = 0 ]; then chown postgres: "$folder/pg/" "$folder/socket"; fi
  as_postgres "$bin/initdb" -D "$folder/pg" -A trust -U postgres -E UTF8 --locale=C -N >"$folder/initdb.log" || { cat "$folder/initdb.log"; return 1; }
  if declare -F prepare_postgres >/dev/null; then prepare_postgres "$folder/pg" || return; fi
  for postgres_port in $(shuf -i 20000-29999 -n 5); do
    if as_postgres "$bin/pg_ctl" -D "$folder/pg" -w -s -l "$log" -o \
      "-p $postgres_port -k $folder/socket -c listen_addresses=127.0.0.1 -c fsync=off -c synchronous_commit=off -c full_page_writes=off -c max_connections=300 -c max_wal_size=256MB" start; then
      return
    fi
  done
  cat "$log" >&2
  return 1
}

# Leaves the folder to its owner, but nothing in memory.
stop_postgres() { # FOLDER
  [ -d "$1/pg" ] || return 0
  as_postgres "$(postgres_bin)/pg_ctl" -D "$1/pg" -m immediate stop >/dev/null 2>&1 || true
  if [ -L "$1/pg" ]; then rm -rf "$(readlink "$1/pg")"; fi
}
