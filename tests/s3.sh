# An S3 server for one run of tests; read by `.` from the repository's root, not run.

s3_version=0.14.1

# Sets `s3_server`; built once, kept below TOOLS.
s3_installed() { # TOOLS
  local tools=$1
  s3_server=$tools/bin/s3s-fs
  if ! "$s3_server" --version 2>/dev/null | grep -qF "$s3_version"; then
    echo "installing: the crate s3s-fs $s3_version (a minute or two)"
    CARGO_TARGET_DIR=$tools/build cargo install --quiet --locked --root "$tools" s3s-fs --version "$s3_version" --features binary || return
    rm -rf "$tools/build"
  fi
}

# Sets `s3_pid` and `s3_port`. One bucket, `chaupal`: by its path at 127.0.0.1, by the host's name where that is
# chaupal.s3.test. The keys are those of tests/it/support/mod.rs. Not to be called in a subshell.
start_s3() { # FOLDER TOOLS
  local folder=$1
  s3_pid=
  s3_installed "$2" || { echo "s3s-fs cannot be built" >&2; return 1; }
  mkdir -p "$folder/root/chaupal" || return
  for s3_port in $(shuf -i 30000-32000 -n 5); do
    "$s3_server" --host 127.0.0.1 --port "$s3_port" --domain "s3.test:$s3_port" \
      --access-key chaupal-key --secret-key chaupal-secret "$folder/root" >"$folder/log" 2>&1 &
    s3_pid=$!
    for _ in $(seq 100); do
      if (exec 3<>"/dev/tcp/127.0.0.1/$s3_port") 2>/dev/null; then return; fi
      kill -0 "$s3_pid" 2>/dev/null || break
      sleep 0.1
    done
    stop_s3
  done
  echo "the S3 server did not start:" >&2
  cat "$folder/log" >&2
  return 1
}

# Leaves the folder to its owner.
stop_s3() {
  if [ -n "${s3_pid:-}" ]; then
    kill "$s3_pid" 2>/dev/null || true
    wait "$s3_pid" 2>/dev/null || true
  fi
  s3_pid=
}
