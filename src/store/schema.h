/* Schema: what the database holds. The texts that make it are the rows of the table in migrate.c.
 *
 * | table | what | notes |
 * |---|---|---|
 * | meta(key PK, value) | settings and marks of the store itself | |
 * | space(id PK, name UNIQUE, label, created_ms) | sets of documents | row 1 is "me" |
 * | document(id PK, uid UNIQUE, space -> space, hash, title, type, author, language, written, | one
 * text that was taken in; a row here means: whole, durable, findable | UNIQUE (hash, space): same
 * content twice is one document | |   bytes, n_cp, n_pages, n_chunks, first_chunk, modified_ms,
 * added_ms, label, warning, kept) | bytes: of the file; n_cp: code points of the text; modified_ms:
 * of the file; kept = 1: stays when no path names it (an upload) | its chunks are the rows
 * first_chunk .. first_chunk + n_chunks - 1 | | source(path PK, document -> document, size,
 * mtime_ns, ino, dev) | where a document came from | several paths may name one document;
 * document(id) may have none (an upload) | | failed(path PK, code, reason, size, mtime_ns, at_ms) |
 * files that could not be taken in, and why | gone when the path succeeds | | chunk(id PK,
 * document, start_cp, n_cp, page, heading, text) | the text in pieces; concatenated by id they are
 * the document's text | page 0 = none | | chunk_fts(title, heading, body), rowid = chunk.id | FTS5,
 * contentless, tokenizer `weft` (text/word.h), detail=full | body is chunk.text, title is the
 * document's | | limbo(document PK, hash, title, first_chunk, n_chunks, leaving, since_ms) |
 * documents that are not there yet, or no longer: their chunks are being written or removed |
 * finished at the next open | | thread(id PK, title, created_ms, updated_ms) | conversations | | |
 * turn(thread -> thread, seq, question, answer, at_ms), PK (thread, seq) | one question and its
 * answer (JSON) | |
 *
 * Invariants:
 *  (1) A chunk whose document has no row in `document` does not exist for anybody who reads: always
 *      inner-join chunk with document. Such chunks belong to a row of limbo, and nothing else.
 *  (2) Every chunk has exactly one row in chunk_fts, written and removed in the same transaction.
 *  (3) Every document's hash has a blob (store/blob.h), durable before the document's row is.
 *  (4) chunk ids only grow, and a document's are consecutive: there is no index on chunk.document.
 */
#ifndef WF_STORE_SCHEMA_H
#define WF_STORE_SCHEMA_H

/* "weft" in ASCII: PRAGMA application_id of our databases. */
#define WF_SCHEMA_APPLICATION_ID 0x77656674
/* PRAGMA user_version this program writes: the number of migrations. */
#define WF_SCHEMA_VERSION 1
/* The full-text table and its columns by number. */
#define WF_SCHEMA_FTS "chunk_fts"
enum wf_schema_fts_column {
    WF_FTS_TITLE,
    WF_FTS_HEADING,
    WF_FTS_BODY,
    WF_FTS_COLUMN_COUNT,
};

#endif
