#!/usr/bin/env bash
# The proxies of deploy/: each is started with that very file, but for ports, names and certificate, before a
# real server. A page comes, a message streams through at once, and the client's address arrives.
#
#   tests/release/proxies.sh BINARY
#
# Needs node, openssl, nginx and caddy.
set -euo pipefail
binary=$(realpath "$1")
cd "$(dirname "$0")/../.."
. tests/release/lib.sh
# Debian keeps nginx where only root looks.
PATH=$PATH:/usr/sbin

backend=$(free_port)
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=chat.example.org \
  -keyout "$work/key.pem" -out "$work/cert.pem" 2>/dev/null

run_nginx() { # PORT FOLDER
  sed -e "s/127\.0\.0\.1:8000/127.0.0.1:$backend/" -e "s/listen \(.*\)443/listen \1$1/" -e "s/listen \(.*\)80;/listen \1$(free_port);/" \
    -e "s|/etc/letsencrypt/live/chat.example.org/fullchain|$work/cert|" -e "s|/etc/letsencrypt/live/chat.example.org/privkey|$work/key|" \
    deploy/nginx.conf >"$2/site.conf"
  # A machine without IPv6 cannot listen there.
  [ -e /proc/net/if_inet6 ] || sed -i '/listen \[::\]/d' "$2/site.conf"
  printf '%s\n' "pid $2/pid; daemon off; error_log stderr; events {}" "http { access_log off;" \
    "$(for kind in client_body proxy fastcgi uwsgi scgi; do echo "${kind}_temp_path $2/$kind;"; done)" \
    "include $2/site.conf; }" >"$2/nginx.conf"
  exec nginx -c "$2/nginx.conf"
}

run_caddy() { # PORT FOLDER
  printf '%s\n' '{' 'admin off' 'auto_https disable_redirects' '}' >"$2/Caddyfile"
  sed -e "s/127\.0\.0\.1:8000/127.0.0.1:$backend/" -e "s|^chat.example.org {|https://:$1 {\n\ttls $work/cert.pem $work/key.pem|" \
    deploy/Caddyfile >>"$2/Caddyfile"
  XDG_DATA_HOME=$2 XDG_CONFIG_HOME=$2 HOME=$2 exec caddy run --config "$2/Caddyfile" --adapter caddyfile
}

for proxy in nginx caddy; do
  port=$(free_port)
  folder=$work/$proxy
  mkdir "$folder"
  start env CHAUPAL_DATA_DIR="$folder/data" CHAUPAL_PORT="$backend" CHAUPAL_SITE_URL="https://localhost:$port" \
    CHAUPAL_PROXY__TRUSTED=127.0.0.1 CHAUPAL_THROTTLE__LOGIN=3/h CHAUPAL_SHUTDOWN__DRAIN_SECONDS=0 "$binary" serve
  "run_$proxy" "$port" "$folder" >"$folder/log" 2>&1 &
  node tests/release/proxy.mjs "https://localhost:$port" "$log" || { cat "$folder/log" "$log"; fail "$proxy does not carry Chaupal"; }
  kill -TERM $!
  wait $! || true
  stop
  echo "$proxy: pages, streams and the client's address come through"
done
