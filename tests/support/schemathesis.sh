#!/bin/sh
# Asks a tagdeck of its own everything that /openapi.json allows and much that it does not, with a token: it must never answer 5xx, a
# status or a body that is not described. Needs `pip install schemathesis`.
# Two checks are left out: what bytes are an image no schema can say, and `ignored_auth` damages one of two tokens and forgets the other,
# which opens as it should; tests/api_stands_up_to_its_clients.rs asks every route with wrong ones.
# Use: tests/support/schemathesis.sh target/debug/tagdeck [options of schemathesis]
set -eu
program=$(realpath "$1")
shift
folder=$(mktemp -d)
trap 'kill "$server" 2>/dev/null || :; wait "$server" 2>/dev/null || :; rm -rf "$folder"' EXIT INT TERM
cd "$folder"
export HOME="$folder" TAGDECK_DATA_DIR="$folder" TAGDECK_API_TOKEN=a-token-for-schemathesis
printf '[api]\nrequests_per_minute = 0\nwait = 0.2\n' >config.toml
for n in 1 2 3 4 5; do
    printf '{"channel":"Проба","message_id":%s,"date":"2026-01-01T00:00:00Z","text":"Пост номер %s о погоде на завтра"}\n' $n $n
done >posts.jsonl
"$program" import posts.jsonl >/dev/null
"$program" run --listen 127.0.0.1:0 >/dev/null 2>log &
server=$!
until grep -q 'listening on' log; do sleep 0.1; done
address=$(sed -n 's/^tagdeck: listening on //p' log)
curl -fsS -H "x-api-key: $TAGDECK_API_TOKEN" "$address/openapi.json" >openapi.json
schemathesis run "$address/openapi.json" -H "x-api-key: $TAGDECK_API_TOKEN" --checks all --exclude-checks positive_data_acceptance,ignored_auth \
    --continue-on-failure "$@" && code=0 || code=$?
grep -E 'panicked|ERROR' log && code=1
exit "$code"
