#!/usr/bin/env bash
# Makes `VERSION.tar.gz` for the test `earlier_state`: a served folder with the state that a server of that version leaves
# when it is killed. Needs the program of that version, Linux, strace and curl.
#
#   make-state.sh PASSERELLE VERSION.tar.gz
#
# The state has an upload whose first half is durable, a file and a folder in the trash, a finished job, a job that was
# killed after the first of three files was copied, and the key of the client commands. The script prints the ids of
# upload and job, which the test names.
set -euo pipefail
program=$(realpath "$1") out=$(realpath -m "$2")
work=$(mktemp -d)
server=
trap '[ -z "$server" ] || kill -9 "$server" 2>/dev/null || true; rm -rf "$work"' EXIT
mkdir -p "$work/files/letters" "$work/files/album"
cd "$work/files"
printf 'A file that stays.\n' >stays.txt
printf 'A file in the trash.\n' >thrown.txt
printf 'A letter in a folder in the trash.\n' >letters/letter.txt
for n in 1 2 3; do printf 'Picture %s\n' "$n" >"album/picture$n.txt"; done

# The state must not expire before the tests that open it.
never='--upload-expiry-seconds 3000000000 --trash-expiry-seconds 3000000000'
start() { # [wrapper…]
    rm -f "$work/addresses"
    # shellcheck disable=SC2086
    "$@" "$program" serve . --http 127.0.0.1:0 --tcp 127.0.0.1:0 --anonymous write $never --json >"$work/addresses" 2>"$work/log" &
    server=$!
    until grep -q http "$work/addresses" 2>/dev/null; do sleep 0.1; done
    url=$(sed 's/.*"http":"\([^"]*\)".*/\1/' "$work/addresses")
    pid=$(pgrep -P "$server" || echo "$server")
}
change() { # body [query]
    curl -sSf -H 'Content-Type: application/json' -d "$1" "$url/api/v1/changes${2-}"
}

start env
change '{"action":"trash","items":[{"path":"thrown.txt"},{"path":"letters"}]}' '?wait=8000' >/dev/null
seq -f 'line %05g' 1 1000 | head -c 5500 >"$work/half"
location=$(curl -sSf -i "$url/api/v1/uploads" -X POST -H 'Tus-Resumable: 1.0.0' -H 'Upload-Length: 11000' \
    -H "Upload-Metadata: path $(printf 'half.txt' | base64)" | tr -d '\r' | sed -n 's/^location: //Ip')
curl -sSf -X PATCH --data-binary @"$work/half" -H 'Tus-Resumable: 1.0.0' -H 'Upload-Offset: 0' \
    -H 'Content-Type: application/offset+octet-stream' "$url/api/v1/uploads/${location##*/}" >/dev/null
kill -9 "$pid"; wait "$server" 2>/dev/null || true

# Each publication of a copy waits, so that the kill comes while the second file is copied.
start strace -f -qq -o /dev/null -e trace=renameat2,linkat -e inject=renameat2,linkat:delay_enter=3000000
change '{"action":"copy","items":[{"from":"album","to":"copies"}]}' '?wait=0' >"$work/job"
until [ -e copies/picture1.txt ] || [ -e copies/picture2.txt ] || [ -e copies/picture3.txt ]; do sleep 0.05; done
sleep 0.5
kill -9 "$pid"; wait "$server" 2>/dev/null || true
server=

printf 'upload %s\njob %s\n' "${location##*/}" "$(sed 's/.*"id":"\([^"]*\)".*/\1/' "$work/job")"
tar -C "$work/files" --owner=0 --group=0 -c . | gzip -9n >"$out"
