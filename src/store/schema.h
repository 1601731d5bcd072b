/* Schema: what the database holds. The texts that make it are the rows of the table in migrate.c.
 *
 * meta        settings and marks of the store itself
 *     key PK, value
 * space       sets of documents; row 1 is "me"
 *     id PK, name UNIQUE, label, created_ms, uid UNIQUE (16 random bytes: its name among devices),
 *     role (what this owner's devices may in it: mesh/charter.h; 3, all, where there is no charter)
 * document    one text that was taken in; a row here means: whole, durable, findable
 *     id PK, uid UNIQUE (public id), space -> space, hash (of the file; UNIQUE with space: the same
 *     content twice is one document), title, type (media type), author, language, written (date as
 *     the document states it), bytes (of the file), n_cp (code points of the text), n_pages (0 =
 *     the format has none), n_chunks, first_chunk (its chunks are the rows first_chunk ..
 *     first_chunk + n_chunks - 1), modified_ms (of the file), added_ms, label, warning (what could
 *     not be read; may be empty), kept (1: stays when no path names it: an upload)
 * source      where a document came from; several paths may name one document, an upload has none
 *     path PK, document -> document, size, mtime_ns, ino, dev
 * failed      files that could not be taken in, and why; gone when the path succeeds
 *     path PK, code (WF_E_*), reason, size, mtime_ns, at_ms
 * packed      where the small blobs lie (store/pack.h)
 *     hash PK, pack (number of the file), start, bytes
 * chunk       the text in pieces; concatenated by id they are the document's text
 *     id PK, document, start_cp, n_cp, page (0 = none), heading ("A > B"), text
 * chunk_fts   FTS5, contentless, tokenizer `weft` (text/word.h), detail=none; rowid = chunk.id
 *     title (the document's), heading, body (chunk.text)
 * vector      what a lens made of consecutive chunks of a document (store/vector.h)
 *     first_chunk PK, document, n_chunks, dim, lens (which, with its version), data
 * reminder    what is to be said at a time (store/reminder.h)
 *     id PK, text, due_ms, made_ms, fired_ms (when it was said; 0: not yet)
 * device_seq  the devices of a space (space/log.h)
 *     space -> space, device (its id), PK (space, device), dseq (its log is here up to that number;
 *     this device's own: the last one given), hlc (of its last change), revoked (1: it counts no
 *     more)
 * device_seen what devices have said that they have of others' logs
 *     space, device, of_device, PK of the three, dseq, hlc (of that change)
 * device_clock  this device's clock (crdt/hlc.h): what it said last
 *     id (1), hlc
 * record      records of spaces (space/record.h)
 *     space -> space, collection, key, PK of the three, live (0: only what is deleted is left),
 *     label (0 to 3), least (lowest clearance for which there is something of it), floor (the label
 *     that somebody gave it), hlc (of the last change), gone_hlc (lowest clock of what is deleted
 *     and not final yet; 0: nothing), state (crdt/record.h), under (what who may see less has of
 *     it, where that is something else: space/record_levels.c)
 * record_change  the changes that made them, as their devices signed them
 *     space, device, dseq, PK of the three, hlc, label (highest in it), bytes (crdt/change.h),
 *     untold (1: brought along from a space that became this one, and not told to others yet)
 * record_erased  deleted records of which the changes may still hold something
 *     space, collection, key, label, PK of the four, hlc (what came before it and has that label or
 *     a higher one is to be destroyed)
 * record_again  spaces in which deletions up to hlc are to count again before an older change is
 *     taken: a device came that was not there when they became final
 *     space PK -> space, hlc
 * draft       what is edited together (store/draft_log.h)
 *     id PK, uid UNIQUE (16 random bytes), space -> space, name (UNIQUE with space), label,
 *     created_ms, updated_ms
 * draft_update    its changes, in the order of their coming
 *     draft -> draft, seq, device (32 bytes), dseq (position in that device's log of the space),
 *     at_ms, bytes (an update of format 1); PK (draft, seq)
 * draft_snapshot  all of a draft after the update upto_seq
 *     draft -> draft, upto_seq, device (whose change was the last), at_ms (of it), state_vector,
 *     hash (BLAKE2b-256 of bytes), bytes (an update of format 2); UNIQUE (draft, upto_seq)
 * draft_image a cache: what that snapshot is in memory (crdt/image.h); any row may go at any time
 *     draft PK -> draft, upto_seq, bytes
 * draft_wanted  drafts whose name another one has (store/draft_name.h)
 *     draft PK -> draft, name (that it is to have)
 * batch_log   what each device wrote into each stream (store/batch_log.h)
 *     id PK, stream (16 bytes), device (32 bytes), UNIQUE of the two, first, last (numbers of what
 *     is here; last 0: nothing ever was), n_bytes, hash (of the last), fork (hash of a batch that
 *     contradicts; NULL: none)
 * batch       batches, sealed (mesh/batch.h)
 *     log -> batch_log, number, UNIQUE of the two, hash, bytes
 * space_key   keys that batches are sealed with (mesh/share_store.h)
 *     id PK (16 bytes), space -> space, level (0 to 2), epoch, key (32 bytes)
 * draft_told  what others were told of drafts, also of those that are removed since
 *     uid PK, space -> space, seq (of its log, up to which it is in batches), name, label
 * draft_dirty drafts of which others may have to hear something, also removed ones; triggers of
 *     draft, draft_update and draft_told put them here
 *     uid PK, space -> space
 * stream_snapshot  snapshots of streams that are here (mesh/snapshot.h)
 *     stream, device (who made it), first, PK of the three, last (numbers of its batches), at_ms,
 *     n_bytes, state (0: not compared, 1: nothing is missing, 2: it leaves out what it says it
 *     has; plus 4: it was taken beside what is here, mesh/sharing_stories.c), head (what it covers)
 * device_word how far a device said its log was, by the level of the stream in which it came
 *     space -> space, device, level, PK of the three, top (the highest level it says it in), dseq,
 *     hlc
 * change_sent the number in this device's log up to which changes of records are in batches
 *     space PK -> space, dseq
 * batch_taken how far others' batches are in drafts and records here
 *     stream, device, PK of the two, number, problem (why the next was not taken; NULL: none)
 * document_share  documents as this owner's devices know them (mesh/blobs_store.h)
 *     space -> space, hash, PK of the two, state (0: elsewhere, 1: here, 2: the text is here, the
 *     original elsewhere, 3: removed here), due (1: others are to be told), label (0 to 3), told
 *     (the label under which others know it; -1: they do not), said (1: others know that this
 *     device has it), own (1: it was added here), pinned (1: it stays), wanted (0: no, 1: as the
 *     setting says, 2: somebody waits), bytes, used_ms, uid, name, title, type, problem (why it is
 *     not here; may be empty)
 * blob_piece  how blobs are cut (mesh/blobs_cut.h), to find pieces again; any row may go
 *     blob (its hash), start, PK of the two, bytes, hash, space (0: none)
 * charter     who is in a space (mesh/people.h): all versions that are not worthless yet
 *     space -> space, hash, PK of the two, version, bytes (mesh/charter.h)
 * person      owners of other devices with whom spaces are shared
 *     owner PK (32 bytes), list (mesh/devices.h), expected_ms (0; else till then they may bring a
 *     space that is new here)
 * limbo       documents that are not there yet, or no longer: their chunks are being written or
 *             removed; finished at the next open
 *     document PK, hash, title (as indexed), first_chunk, n_chunks, stage (0: being written, 1: its
 *     chunks are to be removed, 2: they are, words and blob are to be destroyed), urgent (1:
 *     somebody removed it; 0: it was replaced or never finished), since_ms
 * thread      conversations
 *     id PK, title, created_ms, updated_ms, label (0 to 3, so far), is_told (the other devices have
 *     the title)
 * turn        one question and its answer
 *     thread -> thread, seq, question, answer (JSON), at_ms, uid (UNIQUE with thread; the same on
 *     all devices), is_told; PK (thread, seq)
 * thread_gone what was removed here and others may have: "THREAD", "THREAD/UID"
 *     name PK
 * relay_pass  who may have which stream (mesh/pass.h)
 *     stream PK, bytes
 * relay_letter  letters kept for devices that sleep (mesh/relay.h)
 *     receiver, sender (device keys), UNIQUE of the two, tag, hash (of bytes), at_ms,
 *     bytes (sealed; empty: it was handed over)
 * relay_mark  how far a log of others was, by day
 *     stream, device, day (since 1970), PK of the three, last
 * relay_word  how far logs are with nodes that keep, as they said
 *     node (transport key), stream, device, PK of the three, last
 *
 * Invariants:
 *  (1) A chunk whose document has no row in `document` does not exist for anybody who reads: always
 *      inner-join chunk with document. Such chunks belong to a row of limbo, and nothing else.
 *  (2) Every chunk has exactly one row in chunk_fts, written and removed in the same transaction.
 *  (3) Every document's hash has a blob (store/blob.h), durable before the document's row is, but
 *      where document_share says that the original is elsewhere (2).
 *  (4) chunk ids only grow, and a document's are consecutive: there is no index on chunk.document.
 *  (5) A row of vector is of a document that is there, whose chunks it covers; no chunk is covered
 *      twice. It goes in the transaction that takes the document away.
 *  (6) A draft's state is that of a snapshot with all updates behind it; updates are there at least
 *      from the second newest snapshot on, so that one damaged snapshot loses nothing.
 */
#ifndef WF_STORE_SCHEMA_H
#define WF_STORE_SCHEMA_H

/* "weft" in ASCII: PRAGMA application_id of our databases. */
#define WF_SCHEMA_APPLICATION_ID 0x77656674
/* PRAGMA user_version this program writes: the number of migrations. */
#define WF_SCHEMA_VERSION 22
/* The full-text table and its columns by number. */
#define WF_SCHEMA_FTS "chunk_fts"
enum wf_schema_fts_column {
    WF_FTS_TITLE,
    WF_FTS_HEADING,
    WF_FTS_BODY,
    WF_FTS_COLUMN_COUNT,
};

#endif
