#!/usr/bin/env bash
# The README's own command, to the letter, with CHECK=1.
. tests/lib.sh

san=
case $BIN in */san/*) san=SAN=1 ;; esac
# it serves site/ itself, which only one may: this test's other run waits
exec 9>build/demo.lock
flock 9
port=$(free_port)
said=$(make --no-print-directory demo CHECK=1 PORT="$port" $san 2>&1 9>&-)
is "make demo CHECK=1 exits 0" "$?" 0
like "it says where the site is" "$said" "http://127.0.0.1:$port"
like "it says who was signed in" "$said" 'id token is signed by .*: Robin'
like "and that HMRC was asked" "$said" 'its own code: tokens, in the first answer'
like "it says that the return was accepted" "$said" 'accepted with 202'
like "and completed" "$said" 'completed'
like "and a program with its progress" "$said" 'the program is at [1-9]'
like "and that it was stopped" "$said" 'so the program was stopped'
like "and that it arrived once" "$said" 'saw one submission'
wait_for 5 sh -c "! curl -s -o /dev/null http://127.0.0.1:$port/"
is "nothing listens there afterwards" "$?" 0

node -e "require('net').createServer().listen($port, '127.0.0.1')" 9>&- &
blocker=$!
started+=("$blocker")
wait_for 5 sh -c "exec 3<>/dev/tcp/127.0.0.1/$port" ||
	wait_for 5 bash -c "exec 3<>/dev/tcp/127.0.0.1/$port"
said=$(make --no-print-directory demo CHECK=1 PORT="$port" $san 2>&1 9>&-)
[ $? -ne 0 ]
result $? "a busy port ends it"
like "with a sentence that names PORT=" "$said" "port $port .* in use.*PORT="
done_testing
