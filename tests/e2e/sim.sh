#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Seeds of the simulator (docs/development.md): some with everything that goes wrong, twice with the same end; those that
# once failed.
. "$(dirname "$0")/lib/tap.sh"
SIM=$(dirname "$WEFT")/simulator
[ -x "$SIM" ] || { skip "the simulator" "it is not built"; exit 0; }

check "seeds come to the same end twice" "$SIM" -n 4 -s 600 -f 402 -t -x 256
check "three devices, two of which met before the oldest" "$SIM" -n 1 -s 1000 -f 101 -x 511
check "a removed draft's number" "$SIM" -n 1 -s 1000 -f 131 -x 511
check "a deletion that was final before a device joined" "$SIM" -n 1 -s 1000 -f 129 -x 511
check "a snapshot of what was not written yet" "$SIM" -n 1 -s 1000 -f 125 -x 511
check "a device that may see less than it did" "$SIM" -n 1 -s 600 -f 578
check "keys that come while the disk fails" "$SIM" -n 1 -s 600 -f 601
check "batches that come while the disk fails" "$SIM" -n 1 -s 600 -f 102
check "a secret that nobody looked at, and the text beside it" "$SIM" -n 1 -s 2000 -f 100129
check "a draft that goes before it is noted that it was told" "$SIM" -n 1 -s 600 -f 11
check "what was told of a draft before it was on the disk" "$SIM" -n 1 -s 600 -f 275
check "a device that was set back waits for the rest, and does not spin" "$SIM" -n 1 -s 600 -f 244
check "what a device may not see any more is not asked for" "$SIM" -n 1 -s 2000 -f 100118
check "who knows of a record, whatever became final when" "$SIM" -n 1 -s 2000 -f 103055
check "what a device wrote that was taken out before it came itself" "$SIM" -n 1 -s 600 -f 107
check "crashes between two writes" "$SIM" -n 6 -s 500 -f 300 -x 479
check "a secret that was deleted before it was sent" "$SIM" -n 1 -s 800 -f 305 -x 255
check "a device that fell before it heard whose \"me\" it is" "$SIM" -n 1 -s 2000 -f 103237
check "two stories of a device that is taken out: of one length and another" "$SIM" -n 1 -s 2000 -f 103198
check "two stories, and what was said under one number" "$SIM" -n 1 -s 2000 -f 103206
check "what cannot be taken before a copied device is out" "$SIM" -n 1 -s 2000 -f 103178
check "a device that was set back, and used a number of its own twice" "$SIM" -n 1 -s 2000 -f 103059
check "drafts that want one name" "$SIM" -n 1 -s 2000 -f 145024
check "a secret that is deleted while it is looked at" "$SIM" -n 1 -s 2000 -f 201153
check "keys that could not be passed on for want of memory" "$SIM" -n 1 -s 2000 -f 201210
check "a draft that was known, became secret, and goes" "$SIM" -n 1 -s 2000 -f 146088
check "a draft that gets its old name back before the new one is noted" "$SIM" -n 1 -s 2000 -f 200360
check "a name that was told and not noted, and a number" "$SIM" -n 1 -s 2000 -f 200722
check "an author who may not have the stream hears where it is" "$SIM" -n 1 -s 2000 -f 200711
check "two stories of one length are not the same" "$SIM" -n 1 -s 2000 -f 210121
check "what came under a higher label than is known here goes no further down" "$SIM" -n 1 -s 2000 -f 210152
check "what is told of both stories ends" "$SIM" -n 1 -s 2000 -f 225237
