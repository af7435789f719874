#!/usr/bin/env bash
# Gives one signed command to a car, and prints what becomes of it. Needs openssl, mosquitto_pub and mosquitto_sub.
#
#   DRIVEWAY_CODE=... reference_client.sh CAR COMMAND ['{"percent": 80}'] [-- BROKER OPTIONS OF mosquitto_pub]
#
# CAR is a car's id. The code comes from `driveway clients add`. The last line says how it ended; status 0: done.
# Neither code nor key is ever an argument of another program, where other users of this computer could see it.
set -euo pipefail; export LC_ALL=C
car=$1 command=$2 arguments='{}'
shift 2
if [[ ${1:-} == '{'* ]]; then arguments=$1; shift; fi
if [[ ${1:-} == -- ]]; then shift; fi
broker=("$@")

hex() { printf %s "$1" | od -An -v -tx1 | tr -d ' \n'; }
bytes() { # HEX [MASK]: the bytes, each combined with the mask, written for printf
  local i
  for ((i = 0; i < ${#1}; i += 2)); do printf '\\x%02x' $((16#${1:i:2} ^ ${2:-0})); done
}
hmac() { # KEY TEXT: HMAC-SHA-256 as RFC 2104 has it, both ways in hex
  local key inner
  printf -v key '%-128s' "$1"
  key=${key// /0}
  inner=$({ printf "$(bytes "$key" 0x36)"; printf %s "$2"; } | openssl dgst -sha256 -r)
  { printf "$(bytes "$key" 0x5c)"; printf "$(bytes "${inner%% *}")"; } | openssl dgst -sha256 -r | cut -c 1-64
}
field() { [[ $2 =~ \"$1\":\ *\"?([^\",}]*) ]] && echo "${BASH_REMATCH[1]}"; } # NAME JSON: the first plain value of that name
quoted() { local text=${1//\\/\\\\}; printf '"%s"' "${text//\"/\\\"}"; }

code=$(tr -d ' -' <<<"$DRIVEWAY_CODE" | tr a-z A-Z | tr OIL 011)
client=$(hmac "$(hex "$code")" 'driveway client id' | cut -c 1-16)
key=$(hmac "$(hex "$code")" 'driveway command key')

id=$(openssl rand -hex 8) base= sent=
exec 3< <(mosquitto_sub "${broker[@]}" -W 60 -F '%r %t %p' \
  -t 'driveway/+/info' -t 'driveway/+/clock' -t "driveway/+/$car/result")
trap "kill $!" EXIT
while read -r -u 3 retained topic payload; do
  if [[ $topic == */info && $payload == *"\"$car\""* && -z $base ]]; then # this bridge has the car: what is its time?
    [[ $payload == *"$client"* ]] || { echo 'refused unknown_client'; exit 1; }
    base=${topic%/info}
    mosquitto_pub "${broker[@]}" -t "$base/clock/get" -m now
  elif [[ -n $base && $topic == "$base/clock" && $retained == 0 && -z $sent ]]; then
    printf -v said 'driveway clock %s %.3f' "$(field boot "$payload")" "$(field now "$payload")"
    [[ $(field "$client" "$payload") == "$(hmac "$key" "$said")" ]] || continue # not the bridge's word
    document="{\"contract\": 1, \"id\": \"$id\", \"client\": \"$client\", \"car\": \"$car\", \"command\": \"$command\","
    document+=" \"arguments\": $arguments, \"boot\": \"$(field boot "$payload")\","
    document+=" \"issued\": $(field now "$payload"), \"ttl\": 5}"
    signature=$(hmac "$key" "$document")
    printf '{"document": %s, "signature": "%s"}' "$(quoted "$document")" "$signature" |
      mosquitto_pub "${broker[@]}" -t "$base/$car/command" -s
    sent=yes
  elif [[ $topic == */result && $(field id "$payload") == "$id" ]]; then
    outcome=$(field outcome "$payload") reason=$(field reason "$payload")
    echo "$outcome ${reason/null/}"
    case $outcome in accepted | sent) ;; confirmed) exit 0 ;; *) exit 1 ;; esac
  fi
done
echo "Nothing was heard in time: of a bridge with this car, its clock, or the command." >&2
exit 1
