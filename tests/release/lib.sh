# What the scripts beside this one share; read by `.`, not run.

# A folder that goes at the end, and with it what still runs in the background.
work=$(mktemp -d)
chmod 711 "$work"
tidy() {
  local pids
  pids=$(jobs -p)
  [ -z "$pids" ] || { kill $pids 2>/dev/null; wait $pids 2>/dev/null; } || true
  rm -rf "$work"
}
trap tidy EXIT
trap 'exit 130' INT TERM

fail() { echo "$*" >&2; exit 1; }

# A port that nobody uses just now.
free_port() {
  local port
  for port in $(shuf -i 20000-29999 -n 50); do
    (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null || { echo "$port"; return; }
  done
  return 1
}

# Starts a server in the background and waits until it serves. Sets `pid` and `url`; `log` holds what it says.
start() { # COMMAND…
  log=$work/serve.log
  "$@" >"$log" 2>&1 &
  pid=$!
  for _ in $(seq 400); do
    url=$(sed -n 's/.*serves at \(http[^ ]*\).*/\1/p' "$log")
    [ -z "$url" ] || { url=${url/0.0.0.0/127.0.0.1}; return 0; }
    kill -0 "$pid" 2>/dev/null || break
    sleep 0.05
  done
  cat "$log" >&2
  fail "the server did not start: $*"
}

# Ends it as an operator would; a bad end is an error.
stop() {
  kill -TERM "$pid"
  wait "$pid" || { cat "$log" >&2; fail "the server ended with $?"; }
}

# An answer, head and all. curl is not everywhere; bash is.
fetch() { # URL
  local address=${1#http://}
  local host=${address%%/*} path=/${address#*/}
  exec 5<>"/dev/tcp/${host%:*}/${host#*:}"
  printf 'GET %s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n' "$path" "$host" >&5
  cat <&5
  exec 5<&-
}

# A whole page with its style, as a browser would ask for it.
look_at() { # URL
  local page style
  page=$(fetch "$1/login")
  [[ $page == *'<form'* ]] || fail "no page at $1/login: $page"
  style=$(grep -o -m 1 '/static/css/app\.[0-9a-f]*\.css' <<<"$page")
  [[ $(fetch "$1$style") == 'HTTP/1.1 200 '* ]] || fail "no style at $1$style"
}
