#!/bin/sh
# Makes the repository of a Kubo node for the shared log, in $IPFS_PATH: on the private swarm of a key and nowhere else.
#
#   IPFS_PATH=/var/lib/kubo deploy/kubo/prepare.sh swarm.key
#
# swarm.key is the file that all operators of the swarm share; this makes it where it isn't there. Then:
#
#   IPFS_PATH=/var/lib/kubo LIBP2P_FORCE_PNET=1 ipfs daemon
#
# KUBO_RPC, KUBO_SWARM: where the node listens. KUBO_STORAGE_MAX: how much it may hold. IPFS: the program.
set -eu

key=${1:?usage: IPFS_PATH=folder prepare.sh swarm.key}
: "${IPFS_PATH:?set it to the folder of the new repository}"
ipfs=${IPFS:-ipfs}
config() { "$ipfs" config --json "$1" "$2"; }

umask 077
if [ ! -e "$key" ]; then
  printf '/key/swarm/psk/1.0.0/\n/base16/\n%s\n' "$(od -An -v -tx1 -N32 /dev/urandom | tr -d ' \n')" > "$key"
fi

# no public bootstrap peers, resolvers, routers or publishers, and nothing reported to anybody
"$ipfs" init --profile=autoconf-off
cp "$key" "$IPFS_PATH/swarm.key"
config Plugins.Plugins.telemetry.Config.Mode '"off"'

# the RPC is the roles' own and nobody else's: whoever reaches it may unpin the log; there is no HTTP gateway
config Addresses "{\"API\":\"${KUBO_RPC:-/ip4/127.0.0.1/tcp/5001}\",\"Gateway\":[],\"Swarm\":[\"${KUBO_SWARM:-/ip4/0.0.0.0/tcp/4001}\"]}"
# a private swarm speaks TCP alone, and to peers that it knows
config Swarm '{
  "Transports": { "Network": { "QUIC": false, "WebTransport": false, "WebRTCDirect": false, "Websocket": false, "Relay": false } },
  "RelayClient": { "Enabled": false }, "RelayService": { "Enabled": false },
  "EnableHolePunching": false, "DisableNatPortMap": true }'
config AutoTLS.Enabled false
config AutoNAT.ServiceMode '"disabled"'
config Discovery.MDNS.Enabled false

# operators are few and know one another: each node asks all its peers (see README.md), so nothing is announced or looked up
config Routing.Type '"none"'
config Provide.Enabled false

# what is acknowledged is on the disk: a role keeps its own copy of an envelope for a week, and no longer
config Datastore.Spec '{"type":"mount","mounts":[{"mountpoint":"/blocks","type":"flatfs","path":"blocks","prefix":"flatfs.datastore","shardFunc":"/repo/flatfs/shard/v1/next-to-last/2","sync":true},{"mountpoint":"/","type":"levelds","path":"datastore","prefix":"leveldb.datastore","compression":"none"}]}'
config Datastore.StorageMax "\"${KUBO_STORAGE_MAX:-1TB}\""
config Internal.Bitswap.ProviderSearchDelay '"1s"'
