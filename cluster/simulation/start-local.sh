#!/bin/sh
# One Ray cluster on this machine, for simulations: a single trust domain. It listens on loopback only, asks everybody
# for a token, and ends with Ctrl-C.
#
#   start-local.sh [FOLDER]     FOLDER is made, for this user alone; its name must be short (at most 40 bytes)
#
#   GCS_PORT, DASHBOARD_PORT, AGENT_PORT, CLIENT_PORT, METRICS_PORT    where the defaults are taken
#   LABELS                      of this node, e.g. institution=Indiana
set -eu
umask 077
if [ $# -gt 0 ]; then mkdir -p "$1" && chmod 700 "$1" && folder=$(cd "$1" && pwd); else folder=$(mktemp -d /tmp/sc-XXXXXX); fi
token=$folder/token
[ -s "$token" ] || od -An -N32 -tx1 /dev/urandom | tr -d ' \n' > "$token"
export RAY_AUTH_MODE=token RAY_AUTH_TOKEN_PATH="$token" RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER=0
dashboard=${DASHBOARD_PORT:-8265}
cat <<EOF
In another terminal:
  export RAY_AUTH_MODE=token RAY_AUTH_TOKEN_PATH='$token'
  ray job submit --address http://127.0.0.1:$dashboard -- python "$(cd "$(dirname "$0")" && pwd)/study.py" --anywhere STUDY.TOML
EOF
exec ray start --head --block --disable-usage-stats \
  --node-ip-address=127.0.0.1 --port="${GCS_PORT:-6379}" \
  --dashboard-host=127.0.0.1 --dashboard-port="$dashboard" \
  --dashboard-agent-listen-port="${AGENT_PORT:-52365}" --ray-client-server-port="${CLIENT_PORT:-10001}" \
  --metrics-export-port="${METRICS_PORT:-8080}" \
  --temp-dir="$folder/ray" --object-store-memory=200000000 ${LABELS:+--labels="$LABELS"}
