/* What reading and writing of shards share. */
#ifndef WF_TRAIN_SHARD_INTERNAL_H
#define WF_TRAIN_SHARD_INTERNAL_H

#define WF_SHARD__MAGIC "WFSHARD1"
#define WF_SHARD__HEAD_BYTES 64u

#endif
