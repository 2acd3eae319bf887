# Mail servers for one run of tests (tests/mail/server.mjs); read by `.` from the repository's root, not run.

# The versions stand in package.json, exactly; a lock file would name a registry.
mail_packages_installed() {
  (cd tests/mail && node --input-type=module -e '
    import { readFileSync } from "node:fs";
    const read = (path) => JSON.parse(readFileSync(path, "utf8"));
    for (const [name, version] of Object.entries(read("package.json").dependencies))
      if (read(`node_modules/${name}/package.json`).version !== version) process.exit(1);
  ') 2>/dev/null
}

# Sets `mail_pid`. FOLDER/ready.json tells the ports, FOLDER/mails holds what came in. Not to be called in a subshell: the
# server ends with the process that started it.
start_mail() { # FOLDER
  local folder=$1
  mail_pid=
  command -v node >/dev/null || { echo "node is missing: install nodejs 20 or newer" >&2; return 1; }
  if ! mail_packages_installed; then
    echo "installing: npm packages smtp-server and mailparser"
    (cd tests/mail && npm install --no-package-lock --no-audit --no-fund --silent) ||
      { echo "npm install failed in tests/mail" >&2; return 1; }
  fi
  mkdir -p "$folder" || return
  # One of an earlier run would look like this one's.
  rm -f "$folder/ready.json"
  node tests/mail/server.mjs "$folder" >"$folder/log" 2>&1 &
  mail_pid=$!
  for _ in $(seq 200); do
    if [ -e "$folder/ready.json" ]; then return; fi
    kill -0 "$mail_pid" 2>/dev/null || break
    sleep 0.1
  done
  echo "the mail server did not start:" >&2
  cat "$folder/log" >&2
  stop_mail
  return 1
}

# Leaves the folder to its owner.
stop_mail() {
  if [ -n "${mail_pid:-}" ]; then
    kill "$mail_pid" 2>/dev/null || true
    wait "$mail_pid" 2>/dev/null || true
  fi
  mail_pid=
}
