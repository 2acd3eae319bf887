# A PostgreSQL server for one run of tests; read by `.`, not run.

postgres_bin() { ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -V | tail -n 1; }

# PostgreSQL refuses to run as root.
as_postgres() {
  if [ "$(id -u)" = 0 ]; then (cd / && setpriv --reuid=postgres --regid=postgres --clear-groups -- "$@"); else "$@"; fi
}

# Sets `postgres_port`. What the server holds need not survive a power cut. FOLDER must be reachable for the user
# `postgres`; the server's data stands in FOLDER/pg, where a function `prepare_postgres` may change it before the start.
start_postgres() { # FOLDER
  local folder=$1 bin log=$1/socket/log
  bin=$(postgres_bin)
  mkdir "$folder/pg" "$folder/socket"
  chmod 711 "$folder"
  if [ "$(id -u)" = 0 ]; then chown postgres: "$folder/pg" "$folder/socket"; fi
  as_postgres "$bin/initdb" -D "$folder/pg" -A trust -U postgres -E UTF8 --locale=C -N >"$folder/initdb.log" || { cat "$folder/initdb.log"; return 1; }
  if declare -F prepare_postgres >/dev/null; then prepare_postgres "$folder/pg" || return; fi
  for postgres_port in $(shuf -i 20000-29999 -n 5); do
    if as_postgres "$bin/pg_ctl" -D "$folder/pg" -w -s -l "$log" -o \
      "-p $postgres_port -k $folder/socket -c listen_addresses=127.0.0.1 -c fsync=off -c synchronous_commit=off -c full_page_writes=off -c max_connections=300" start; then
      return
    fi
  done
  cat "$log" >&2
  return 1
}

# Leaves the folder to its owner.
stop_postgres() { # FOLDER
  if [ -d "$1/pg" ]; then as_postgres "$(postgres_bin)/pg_ctl" -D "$1/pg" -m immediate stop >/dev/null 2>&1 || true; fi
}
