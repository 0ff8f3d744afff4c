# Sourced by ./trove and ./test: checks the machine and installs what is missing. Everything it says goes to stderr,
# so that the output of commands stays clean.

say() { printf '%s\n' "$*" >&2; }
refuse() { say "trove: $*"; exit 1; }

# Only x64 Linux with the .NET 10 SDK and Node.js 20 or newer is supported; each is refused in one line.
check_machine() {
  [ "$(uname -s)-$(uname -m)" = Linux-x86_64 ] || refuse "Trove runs on x64 Linux; this is $(uname -s) $(uname -m)."
  command -v dotnet >/dev/null || refuse "the .NET 10 SDK is missing: https://dotnet.microsoft.com/download/dotnet/10.0"
  case "
$(dotnet --list-sdks)" in *"
10."*) ;; *) refuse "the .NET 10 SDK is missing (found: $(dotnet --list-sdks | cut -d' ' -f1 | xargs)): https://dotnet.microsoft.com/download/dotnet/10.0" ;; esac
  command -v node >/dev/null && command -v npm >/dev/null || refuse "Node.js 20 or newer with npm is missing: https://nodejs.org"
  [ "$(node -p 'process.versions.node.split(".")[0]')" -ge 20 ] || refuse "Node.js 20 or newer is needed; this is $(node --version)."
}

# No pipe into grep -q: it may end ldconfig by SIGPIPE, and pipefail would call the library missing.
has_library() {
  case "$(ldconfig -p 2>/dev/null || /sbin/ldconfig -p 2>/dev/null)" in *"$1"*) return 0 ;; esac
  [ -e "/usr/lib/x86_64-linux-gnu/$1" ] || [ -e "/usr/local/lib/$1" ]
}

# need_packages PACKAGE… : Debian packages, installed when root, asked for when not.
need_packages() {
  local missing=()
  for package in "$@"; do
    case $package in
      libsodium23) has_library libsodium.so.23 || missing+=("$package") ;;
      libsecp256k1-1) has_library libsecp256k1.so.1 || missing+=("$package") ;;
      postgresql) ls /usr/lib/postgresql/*/bin/postgres >/dev/null 2>&1 || missing+=("$package") ;;
      *) command -v "$package" >/dev/null || missing+=("$package") ;;
    esac
  done
  [ ${#missing[@]} -eq 0 ] && return
  command -v apt-get >/dev/null || refuse "these are missing and this is no Debian: ${missing[*]}. Install them and start again."
  local install="apt-get update && apt-get install -y --no-install-recommends ${missing[*]}"
  [ "$(id -u)" = 0 ] || refuse "missing Debian packages. Run this once, then start again:  sudo sh -c '$install'"
  say "Installing Debian packages: ${missing[*]}"
  # Without this the package would start a database server of its own; Trove runs a private one.
  mkdir -p /etc/postgresql-common
  [ -e /etc/postgresql-common/createcluster.conf ] || echo 'create_main_cluster = false' > /etc/postgresql-common/createcluster.conf
  DEBIAN_FRONTEND=noninteractive sh -c "$install" >&2 || refuse "installing failed; the lines above say why."
}

# need_npm FOLDER… : exactly what the lock file says, without install scripts.
need_npm() {
  for folder in "$@"; do
    if [ ! "$folder/node_modules/.package-lock.json" -nt "$folder/package-lock.json" ]; then
      say "Installing npm packages of $folder"
      (cd "$folder" && npm ci --ignore-scripts --no-audit --no-fund --silent >&2 && touch node_modules/.package-lock.json) \
        || refuse "npm ci failed in $folder; the lines above say why."
    fi
  done
}

# build PROJECT STAMP [COMMAND OPTIONS…]: once, and again when a source is newer than the last build; COMMAND is build or publish.
build() {
  if [ ! -e "$2" ] || [ -n "$(find src bench tests contracts/artifacts Directory.*.props global.json Trove.slnx -newer "$2" -type f \
      -not -path '*/obj/*' -not -path '*/bin/*' -not -path '*/node_modules/*' -not -path 'tests/mutations/*' -print -quit 2>/dev/null)" ]; then
    say "Building $1"
    local log; log=$(mktemp)
    dotnet "${3:-build}" "$1" -c Release --nologo -v quiet -clp:NoSummary "${@:4}" >"$log" 2>&1 || { cat "$log" >&2; rm -f "$log"; refuse "the build failed."; }
    rm -f "$log"
    mkdir -p "$(dirname "$2")"
    touch "$2"
  fi
}
