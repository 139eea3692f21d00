#!/bin/sh
# The agent of a relay, on the relay. The control plane writes it into the user data of every instance it launches, without
# the lines that are comments; docs/relay-agent.md tells what it does and why.
#
#   relay-agent run        checks in, then sends heartbeats; ends the machine when it is told to or its deadline passes
#   relay-agent dead-man   ends the machine when its deadline has passed; a timer calls it, so that it works without the agent
#   relay-agent prepare    installs what the machine's image lacks; cloud-init calls it
#   relay-agent container  runs the relay's container and watches it
#
# Settings are the control plane's, in agent.json, container.args (the image, then options, one to a line) and container.env.
# All times are seconds since the machine booted: a clock that is set, or was never right, ends no relay and saves none.
# Tokens and secrets are neither printed nor given to a program as an argument or in its environment.
set -u
umask 077
export LC_ALL=C

dir=${AEGIS_AGENT_DIR:-/etc/aegis}
state=${RUNTIME_DIRECTORY:-/run/aegis-relay}
metadata_url=${AWS_EC2_METADATA_SERVICE_ENDPOINT:-http://169.254.169.254}
# For the control plane to end the relay by itself, and to tell of a lease that was renewed at the last moment.
lease_grace=${AEGIS_LEASE_GRACE_SECONDS:-60}
# A shutdown that has not happened after this long is forced.
shutdown_patience=${AEGIS_SHUTDOWN_PATIENCE_SECONDS:-120}
longest_retry_ms=5000
# A replica that was given the wrong secret must not end a machine alone.
refusals_to_believe=5
# A container that was last seen to run longer ago than this does not.
container_patience=${AEGIS_CONTAINER_PATIENCE_SECONDS:-15}

container_name=aegis-relay
last_note=
pause_pid=

say() {
  printf '%s\n' "$*" >&2
}

# Says what has changed and does not repeat itself.
note() {
  [ "$*" = "$last_note" ] || say "$*"
  last_note=$*
}

# Sets `now`: whole seconds since boot.
look_at_clock() {
  read -r now _ </proc/uptime
  now=${now%%.*}
}

# text_field NAME JSON, number_field NAME JSON: prints the value in a flat JSON object; nothing if it has none of that form.
text_field() {
  printf '%s' "$2" | sed -n "s/.*\"$1\" *: *\"\\([^\"\\\\]*\\)\".*/\\1/p"
}
number_field() {
  printf '%s' "$2" | sed -n "s/.*\"$1\" *: *\\([0-9]\\{1,9\\}\\) *[,}].*/\\1/p"
}

# plain TEXT: whether it is a token or an id, in which nothing has a meaning to a shell, to JSON or to curl.
plain() {
  case $1 in
    '' | *[!A-Za-z0-9_-]*) return 1 ;;
  esac
}

load_settings() {
  settings=$(tr -d '\r\n' <"$dir/agent.json") || return 1
  base_url=$(text_field controlPlaneUrl "$settings")
  launch_token=$(text_field launchToken "$settings")
  heartbeat_seconds=$(number_field heartbeatSeconds "$settings")
  silence_limit=$(number_field silenceLimitSeconds "$settings")
  case $base_url in
    http://?* | https://?*) ;;
    *) say "$dir/agent.json names no control plane" && return 1 ;;
  esac
  plain "$launch_token" || { say "$dir/agent.json holds no launch token" && return 1; }
  if [ "${heartbeat_seconds:-0}" -eq 0 ] || [ "${silence_limit:-0}" -eq 0 ]; then
    say "$dir/agent.json lacks heartbeatSeconds or silenceLimitSeconds"
    return 1
  fi
}

# --- The deadline: a file that agent and timer share, so that neither a restart of the agent nor its death moves it. ---

# Sets `deadline` and `reason`; the first to ask since boot sets the limit on silence running.
read_deadline() {
  if read -r deadline reason 2>/dev/null <"$state/deadline" && [ -n "$reason" ]; then return; fi
  look_at_clock
  write_deadline $((now + silence_limit)) 'control plane silent'
}

write_deadline() {
  deadline=$1 reason=$2
  mkdir -p "$state"
  printf '%s %s\n' "$deadline" "$reason" >"$state/deadline.new" && mv -f "$state/deadline.new" "$state/deadline"
}

# heard LEASE_END SERVER_TIME: a good answer came just now. The lease is measured by the control plane's own clock.
heard() {
  look_at_clock
  lease_deadline=$((now + $1 - $2 + lease_grace))
  if [ "$lease_deadline" -lt $((now + silence_limit)) ]; then
    write_deadline "$lease_deadline" 'lease ended'
  else
    write_deadline $((now + silence_limit)) 'control plane silent'
  fi
}

# Ends the machine; EC2 then terminates the instance. Past the deadline the timer repeats it, with force after a while.
end_machine() {
  say "shutting down: $1"
  look_at_clock
  write_deadline 0 "$1"
  [ -e "$state/ending" ] || printf '%s\n' "$now" >"$state/ending"
  read -r since <"$state/ending"
  if [ $((now - since)) -ge "$shutdown_patience" ] || ! shutdown -P now; then
    say 'forcing it'
    systemctl poweroff --force --force
  fi
  exit 0
}

end_if_due() {
  look_at_clock
  [ "$now" -lt "$deadline" ] || end_machine "$reason"
}

# --- Asking ---

# Gives curl its settings, URL and all, on its standard input: arguments can be read by everybody on the machine.
curl_quietly() {
  curl --disable --config - --silent --show-error --connect-timeout 5 --max-time 10 --proto '=http,https' "$@"
}

# metadata PATH: prints what instance metadata says (IMDSv2); fails when it says nothing.
metadata() {
  imds_token=$(printf 'url = "%s/latest/api/token"\nrequest = "PUT"\nheader = "X-aws-ec2-metadata-token-ttl-seconds: 60"\n' \
    "$metadata_url" | curl_quietly --fail --noproxy '*') || return 1
  printf 'url = "%s/latest/meta-data/%s"\nheader = "X-aws-ec2-metadata-token: %s"\n' "$metadata_url" "$1" "$imds_token" |
    curl_quietly --fail --noproxy '*'
}

# ask PATH BODY BEARER: posts JSON. Sets `status` (000: no answer that counts), `answer` (the body) and `server_time`.
ask() {
  status=000 answer='' server_time=''
  reply=$(
    {
      printf 'url = "%s/api/v1/%s"\n' "$base_url" "$1"
      printf 'header = "Content-Type: application/json"\n'
      [ -z "$3" ] || printf 'header = "Authorization: Bearer %s"\n' "$3"
      printf 'data-raw = "%s"\n' "$(printf '%s' "$2" | sed 's/"/\\"/g')"
    } | curl_quietly --include --suppress-connect-headers --write-out '\n%{http_code}' | head -c 65536 | tr -d '\r\000'
  )
  headers=$(printf '%s\n' "$reply" | sed '/^$/q')
  # Only the API speaks JSON: what a proxy or a portal on the way says is nobody's word.
  printf '%s' "$headers" | grep -Eiq '^content-type: *application/(problem\+)?json' || return 0
  case ${reply##*"
"} in
    [1-5][0-9][0-9]) status=${reply##*"
"} ;;
    *) return 0 ;;
  esac
  answer=$(printf '%s\n' "$reply" | sed -e '1,/^$/d' -e '$d' | tr -d '\n')
  server_time=$(date -u -d "$(printf '%s\n' "$headers" | sed -n 's/^[Dd]ate: *//p')" +%s 2>/dev/null) ||
    server_time=$(date -u +%s)
}

# Takes the lease out of a good answer; fails, and changes nothing, when the answer is not one.
take_lease() {
  new_lease=$(text_field leaseExpiresAt "$answer")
  new_lease_token=$(text_field leaseToken "$answer")
  new_heartbeat=$(number_field heartbeatSeconds "$answer")
  case $new_lease in
    *[!0-9TZ:.-]* | '') return 1 ;;
    [0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9]T*Z) ;;
    *) return 1 ;;
  esac
  lease_end=$(date -u -d "$new_lease" +%s 2>/dev/null) || return 1
  plain "$new_lease_token" || return 1
  [ "${new_heartbeat:-0}" -gt 0 ] || return 1
  lease=$new_lease lease_token=$new_lease_token heartbeat_seconds=$new_heartbeat
  heard "$lease_end" "$server_time"
}

check_in() {
  ask checkins "{\"instanceId\":\"$instance_id\",\"launchToken\":\"$launch_token\"}" ''
  case $status$(text_field code "$answer") in
    200)
      new_relay=$(text_field relayId "$answer")
      new_secret=$(text_field sessionSecret "$answer")
      if plain "$new_relay" && plain "$new_secret" && take_lease; then
        relay_id=$new_relay session_secret=$new_secret
        note "checked in as $relay_id; its lease ends at $lease"
        return
      fi
      note 'check-in: the answer makes no sense'
      ;;
    401invalid_launch_token)
      refusals=$((refusals + 1))
      note 'check-in refused: the launch token is not valid'
      # Nobody will ever own this machine.
      [ "$refusals" -lt "$refusals_to_believe" ] || end_machine 'the launch token is not valid'
      return
      ;;
    410relay_gone) end_machine 'the control plane says that the relay has ended' ;;
    *) note "check-in not answered yet (status $status)" ;;
  esac
  refusals=0
}

send_heartbeat() {
  ask "relays/$relay_id/heartbeat" \
    "{\"instanceId\":\"$instance_id\",\"leaseExpiresAt\":\"$lease\",\"leaseToken\":\"$lease_token\"}" "$session_secret"
  case $status$(text_field code "$answer") in
    200)
      if take_lease; then note 'heartbeats are answered'; else note 'heartbeat: the answer makes no sense'; fi
      ;;
    410relay_gone) end_machine 'the control plane says that the relay has ended' ;;
    # A refused secret counts as silence: customers are on this machine, and the fault may be one replica's.
    *) note "heartbeat not answered (status $status); the machine ends in $((deadline - now)) s: $reason" ;;
  esac
}

# --- The relay's container ---

find_engine() {
  for engine in docker podman; do
    if command -v "$engine" >/dev/null; then return 0; fi
  done
  return 1
}

install_package() {
  say "installing $1"
  if command -v dnf >/dev/null; then
    dnf --assumeyes --quiet install "$1"
  else
    DEBIAN_FRONTEND=noninteractive apt-get -qq update
    DEBIAN_FRONTEND=noninteractive apt-get -qq --assume-yes --no-install-recommends install "$1"
  fi
}

# Images in ECR are pulled with the credentials of the instance profile.
use_ecr() {
  command -v docker-credential-ecr-login >/dev/null || install_package amazon-ecr-credential-helper
  mkdir -p "$state/registry"
  printf '{"credHelpers":{"%s":"ecr-login"}}\n' "${1%%/*}" >"$state/registry/config.json"
  export DOCKER_CONFIG="$state/registry" REGISTRY_AUTH_FILE="$state/registry/config.json"
}

# Runs the container and says in a file, again and again, when it was last seen to run: the agent needs no way to the engine.
run_container() {
  image=
  set --
  while IFS= read -r line; do
    if [ -z "$image" ]; then image=$line; else set -- "$@" "$line"; fi
  done <"$dir/container.args"
  if ! find_engine; then
    if command -v dnf >/dev/null; then install_package docker; else install_package docker.io; fi
    find_engine || { say 'there is neither docker nor podman, and docker could not be installed' && exit 1; }
  fi
  [ "$engine" != docker ] || systemctl enable --now docker.service
  case $image in
    *.dkr.ecr.*.amazonaws.com*/*) use_ecr "$image" ;;
  esac
  trap stop_container TERM INT
  "$engine" rm --force "$container_name" >/dev/null 2>&1
  say "running $image with $engine"
  "$engine" run --detach --name "$container_name" --log-driver journald --env-file "$dir/container.env" "$@" "$image" \
    >/dev/null || exit 1
  while [ "$("$engine" inspect --format '{{.State.Running}}' "$container_name" 2>/dev/null)" = true ]; do
    look_at_clock
    printf '%s\n' "$now" >"$state/container.new" && mv -f "$state/container.new" "$state/container"
    pause 2
  done
  say "the container ended with code $("$engine" inspect --format '{{.State.ExitCode}}' "$container_name")"
  exit 1
}

stop_container() {
  say 'stopping the container'
  "$engine" stop --time 10 "$container_name" >/dev/null
  stop_pause
  exit 0
}

# A relay whose container does not run is no relay: it does not check in, and falls silent if it did.
container_runs() {
  [ -e "$dir/container.args" ] || return 0
  read -r seen 2>/dev/null <"$state/container" && [ $((now - seen)) -le "$container_patience" ]
}

# pause SECONDS: a sleep during which a signal is heeded at once.
pause() {
  sleep "$1" &
  pause_pid=$!
  wait "$pause_pid"
  pause_pid=
}
stop_pause() {
  [ -z "$pause_pid" ] || kill "$pause_pid" 2>/dev/null
}

# --- The agent ---

# nap MILLISECONDS: a pause that does not pass the deadline.
nap() {
  nap_ms=$1
  left_ms=$(((deadline - now) * 1000))
  [ "$nap_ms" -le "$left_ms" ] || nap_ms=$left_ms
  [ "$nap_ms" -le 0 ] || pause "$((nap_ms / 1000)).$(printf '%03d' $((nap_ms % 1000)))"
}

# heartbeat_pause_ms LEAST: LEAST to 1000 thousandths of the interval.
heartbeat_pause_ms() {
  echo $((heartbeat_seconds * ($1 + $(od -An -N1 -tu1 /dev/urandom) * (1000 - $1) / 255)))
}

stop_on_signal() {
  say 'stopping: told to by a signal'
  stop_pause
  exit 0
}

run_agent() {
  trap stop_on_signal TERM INT
  read_deadline
  say "reporting to $base_url; the machine ends after $silence_limit s of silence"
  # Relays launched together are apart from their first heartbeat on, and do not come to speak together.
  instance_id='' relay_id='' refusals=0 retry_ms=200 least_pause=0
  while :; do
    end_if_due
    if [ -z "$instance_id" ]; then
      instance_id=$(metadata instance-id) || instance_id=
      case $instance_id in
        i-*) plain "$instance_id" || instance_id= ;;
        *) instance_id= ;;
      esac
      [ -n "$instance_id" ] || note 'instance metadata does not tell the instance id'
    fi
    if [ -n "$instance_id" ]; then
      if ! container_runs; then
        note "the container does not run: the control plane is told nothing"
      elif [ -z "$relay_id" ]; then
        check_in
      else
        send_heartbeat
      fi
    fi
    look_at_clock
    if [ -n "$relay_id" ]; then
      nap "$(heartbeat_pause_ms "$least_pause")"
      least_pause=900
    else
      nap "$retry_ms"
      retry_ms=$((retry_ms * 2 < longest_retry_ms ? retry_ms * 2 : longest_retry_ms))
    fi
  done
}

case ${1-} in
  run)
    load_settings || exit 1
    run_agent
    ;;
  dead-man)
    # With settings that cannot be read nobody can own this machine: the longest limit there can be.
    load_settings || silence_limit=86400
    read_deadline
    end_if_due
    ;;
  prepare) command -v curl >/dev/null || install_package curl ;;
  container) run_container ;;
  *)
    say 'usage: relay-agent run | dead-man | prepare | container'
    exit 2
    ;;
esac
