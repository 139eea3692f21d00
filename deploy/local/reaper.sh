#!/bin/sh
# Ends the processes of a stack whose parent died without ending them itself (kill -9, a crash, a closed terminal).
# Reads "+ PID" and "- PID" on standard input; each PID leads its own process group. Only the parent holds the other end
# of the pipe, so end of file means that the parent is gone: TERM to all that is left, KILL after five seconds.
trap '' HUP INT TERM

pids=' '
while read -r change pid; do
  case $change in
    +) pids="$pids$pid " ;;
    -) pids="${pids%% "$pid" *} ${pids#* "$pid" }" ;;
  esac
done

alive() {
  for pid in $pids; do kill -0 "-$pid" 2>/dev/null && return 0; done
  return 1
}

for pid in $pids; do
  kill -TERM "-$pid" 2>/dev/null
  kill -CONT "-$pid" 2>/dev/null
done
tries=0
while alive && [ $tries -lt 50 ]; do
  sleep 0.1
  tries=$((tries + 1))
done
for pid in $pids; do kill -KILL "-$pid" 2>/dev/null; done
exit 0
