/* Limits: every bound on what comes from outside, with its reason. Tested at the limit and one
 * above. */
#ifndef WF_BASE_LIMITS_H
#define WF_BASE_LIMITS_H

#include <stdint.h>

/* One file taken in. Larger ones are databases or films, not documents. */
#define WF_LIMIT_FILE_BYTES (UINT64_C(2) << 30)
/* Text out of one document: 150 times the Bible; above it a file is a bomb. */
#define WF_LIMIT_TEXT_BYTES (UINT64_C(1) << 30)
/* One frame of the extract stream. */
#define WF_LIMIT_STREAM_FRAME (1u << 20)
/* Warnings of one document: a person reads a few, and a broken file can cause millions. */
#define WF_LIMIT_STREAM_WARNINGS 50
/* Memory and time of one extract worker; the defaults of two settings. */
#define WF_LIMIT_EXTRACT_BYTES (UINT64_C(512) << 20)
#define WF_LIMIT_EXTRACT_S 60
/* Members of one archive (DOCX, EPUB, ...) and its unpacked size: a real book has a few thousand
 * members; the size bounds zip bombs before the worker's memory limit does. */
#define WF_LIMIT_ARCHIVE_MEMBERS 20000
#define WF_LIMIT_ARCHIVE_BYTES (UINT64_C(1) << 30)
/* How many times its size a file above 32 MiB unpacked may become: deflate can do 1032, documents
 * of real programs stay below 100. */
#define WF_LIMIT_ARCHIVE_RATIO 250
/* Points of one picture: in colour it takes four bytes a point, within an extract worker's memory.
 * A4 at 600 points an inch is 35 million. */
#define WF_LIMIT_PICTURE_PIXELS 50000000
/* One picture that goes to an engine elsewhere: providers take 5 MiB, and a request 8. */
#define WF_LIMIT_PICTURE_SENT_BYTES (5u << 20)
/* Nesting of markup, JSON, or message parts: deeper ones only occur in attacks. */
#define WF_LIMIT_NESTING 100
/* Documents inside documents (a mail forwarded as an attachment, again and again). */
#define WF_LIMIT_NESTING_DOCUMENTS 8
/* One chunk's text, bytes; the cutter aims far lower. */
#define WF_LIMIT_CHUNK_BYTES (16u << 10)
/* A frame on the local socket: requests and results, never whole documents. */
#define WF_LIMIT_FRAME_BYTES (8u << 20)
/* A question or search text, bytes. */
#define WF_LIMIT_QUERY_BYTES (16u << 10)
/* Results of one search. */
#define WF_LIMIT_HITS 200
/* Sentences of one summary: more is reading the text. Half of what the summarizer holds. */
#define WF_LIMIT_SUMMARY_SENTENCES 1000u
/* A path, as the kernel has it. */
#define WF_LIMIT_PATH_BYTES 4096
/* Open connections at the HTTP port, one request at a time on each: a team's programs, which may
 * stream a thousand answers at once. Fewer where the system allows fewer descriptors. */
#define WF_LIMIT_HTTP_CONNECTIONS 2048
/* A JSON request body; uploads of documents have WF_LIMIT_FILE_BYTES. */
#define WF_LIMIT_HTTP_JSON_BYTES (1u << 20)
/* A request body of a model face: a long conversation with its pictures. And the values within it,
 * each of which takes a hundred bytes of memory. */
#define WF_LIMIT_HTTP_MODEL_JSON_BYTES (32u << 20)
#define WF_LIMIT_HTTP_MODEL_JSON_VALUES (1u << 20)
/* A whole answer of a model face: embeddings of a request's texts, logarithms of all tokens. */
#define WF_LIMIT_HTTP_MODEL_ANSWER_BYTES (256u << 20)
/* Threads that work at requests to models: one for each that a model of this machine answers, which
 * mostly sleeps (the rest waits; more gain nothing on one machine). Answers of engines elsewhere
 * hold none while they wait. */
#define WF_LIMIT_HTTP_GENERATIONS 64
/* Texts that end an answer; biased tokens; answers to one prompt; texts of one embedding or rerank
 * request: as OpenAI's API has them or above. */
#define WF_LIMIT_STOPS 16
/* One stop text, bytes: longer ones are never written by chance. */
#define WF_LIMIT_STOP_BYTES 4096
#define WF_LIMIT_BIASES 1024
#define WF_LIMIT_CHOICES 128
#define WF_LIMIT_TEXTS 2048
/* Responses that are kept for the next request to go on with, and all their bytes: a person's
 * conversations of some days. */
#define WF_LIMIT_RESPONSES 1000
#define WF_LIMIT_RESPONSES_BYTES (64u << 20)

/* Entries, tensors and parts of one model file: the largest known models have some hundred entries
 * (their vocabulary is one), a few ten thousand tensors, and some hundred parts. */
#define WF_LIMIT_GGUF_VALUES 65536
#define WF_LIMIT_GGUF_TENSORS (1u << 20)
#define WF_LIMIT_GGUF_PARTS 4096
/* Values of one tensor: keeps every product of sizes within 64 bits. */
#define WF_LIMIT_TENSOR_VALUES (UINT64_C(1) << 56)

/* Sizes of a transformer: above the largest known ones, and small enough that no product of two of
 * them overflows 64 bits, nor of a width and a batch's tokens. */
#define WF_LIMIT_MODEL_LAYERS 1024
#define WF_LIMIT_MODEL_DIM (1u << 18)
#define WF_LIMIT_MODEL_FF (1u << 20)
#define WF_LIMIT_MODEL_HEADS 4096
#define WF_LIMIT_MODEL_HEAD_DIM 4096
#define WF_LIMIT_MODEL_EXPERTS 4096
#define WF_LIMIT_MODEL_VOCAB (1u << 24)
#define WF_LIMIT_MODEL_CONTEXT (1u << 30)
#define WF_LIMIT_MODEL_CLASSES 4096
/* A vocabulary in pieces, where a few bits make long tokens: the bytes of one, and of all names and
 * words; the largest vocabularies have 4 MiB. */
#define WF_LIMIT_VOCAB_PIECE_BYTES 1024
#define WF_LIMIT_VOCAB_TEXT_BYTES (64u << 20)
/* Rank of an adapter's matrices: above it they are larger than what they adapt. */
#define WF_LIMIT_ADAPTER_RANK 2048
/* Tokens of one pass: more gains nothing, and the buffers grow with it. */
#define WF_LIMIT_MODEL_BATCH 65536
/* A text to become tokens at once: more than any context takes. */
#define WF_LIMIT_ENCODE_BYTES (8u << 20)
/* A text for lens at once, bytes: a chapter; longer ones are given part by part. And the tokens of
 * one of its windows. */
#define WF_LIMIT_LENS_BYTES (1u << 20)
#define WF_LIMIT_LENS_WINDOW 4096
/* The name of one of its labels, bytes: it stands in every answer. */
#define WF_LIMIT_LENS_LABEL_BYTES 100
/* Lines of its card, which are shown whole. */
#define WF_LIMIT_LENS_CARD 100
/* Its table of languages: grams and what they say, a few times what 128 languages take. */
#define WF_LIMIT_LENS_GRAMS (4u << 20)
#define WF_LIMIT_LENS_GRAM_ENTRIES (16u << 20)
/* Likeliest tokens reported beside one that was written: what the APIs allow. */
#define WF_LIMIT_LOGPROBS 20
/* Chat templates: source and what one rendering writes; all it makes on the way; its steps. */
#define WF_LIMIT_TEMPLATE_BYTES (16u << 20)
#define WF_LIMIT_TEMPLATE_MEMORY (256u << 20)
#define WF_LIMIT_TEMPLATE_STEPS 50000000u
#define WF_LIMIT_TEMPLATE_DEPTH 1500

/* Grammars: states and edges of all rules together (a schema of a thousand properties has some ten
 * thousand), rules, and the source in GBNF. */
#define WF_LIMIT_GRAMMAR_NODES (1u << 18)
#define WF_LIMIT_GRAMMAR_EDGES (1u << 20)
#define WF_LIMIT_GRAMMAR_RULES (1u << 16)
#define WF_LIMIT_GRAMMAR_BYTES (4u << 20)
/* How deep a text may nest by a grammar: below it only the shortest way out is left. */
#define WF_LIMIT_GRAMMAR_DEPTH 256
/* Places where a text may be at once: a grammar that is more ambiguous cannot be followed. */
#define WF_LIMIT_GRAMMAR_PLACES 2048
/* States of one language of strings or numbers (a pattern, a format, a length), and the memory that
 * the making of a schema's languages may take. */
#define WF_LIMIT_LANG_STATES 20000
#define WF_LIMIT_LANG_BYTES (256u << 20)
/* What is remembered of one grammar and one vocabulary, and of one text. */
#define WF_LIMIT_GRAMMAR_PLAN_BYTES (64u << 20)
#define WF_LIMIT_GRAMMAR_WALK_BYTES (32u << 20)

/* What models learn from: a line of a file (a book's chapter as JSON; the longest known has 2 MB),
 * texts of one corpus, sources of one list and files of one source. */
#define WF_LIMIT_CORPUS_LINE_BYTES (64u << 20)
#define WF_LIMIT_CORPUS_TEXTS (1u << 28)
#define WF_LIMIT_CORPUS_SOURCES 256
#define WF_LIMIT_CORPUS_FILES 256

/* A text in which personal data is looked for at once (a model's request may have 32 MiB), and what
 * is found there before overlaps are resolved: a list of addresses has one in 20 bytes. */
#define WF_LIMIT_DETECT_BYTES (64u << 20)
#define WF_LIMIT_PII (1u << 20)
/* What is unpacked of one packed run that hides in a text, and how many of them in one text: a
 * few bytes may unpack to a thousand times as many. */
#define WF_LIMIT_UNPACKED (64u << 10)
#define WF_LIMIT_UNPACKED_RUNS 16
/* Patterns of all tables; it is the length of sets of bits. */
#define WF_LIMIT_PATTERNS 1024

/* The ledger: one text of an entry (a release's reason may have as much), types counted in one, the
 * bytes of one with all of these, room that is laid out ahead, and entries that wait for the disk:
 * some syncs of it. */
#define WF_LIMIT_LEDGER_TEXT_BYTES 1000
#define WF_LIMIT_LEDGER_TYPE_BYTES 64
#define WF_LIMIT_LEDGER_COUNTS 512
#define WF_LIMIT_LEDGER_ENTRY_BYTES (64u << 10)
#define WF_LIMIT_LEDGER_ROOM_BYTES (1u << 20)
#define WF_LIMIT_LEDGER_WAITING 4096
/* What may lie behind the last signature, at most some seconds of entries. */
#define WF_LIMIT_LEDGER_TAIL_BYTES (256u << 20)
/* Entries that are looked through for one page or sum. */
#define WF_LIMIT_LEDGER_SUMMED 200000

/* Drafts: bytes of one update, and of what waits for others; items of one document: a book of a
 * million words that was typed letter by letter has some hundred thousand. */
#define WF_LIMIT_CRDT_BYTES (256u << 20)
#define WF_LIMIT_CRDT_ITEMS (1u << 28)
/* Items passed, in all, to find the places of what one update inserts beside others: a second or
 * two. */
#define WF_LIMIT_CRDT_PASSED (1u << 28)
/* Drafts of a store; bytes of the name of one, and of a space's, as of 64 characters of four bytes.
 */
#define WF_LIMIT_DRAFTS 1000000
#define WF_LIMIT_NAME_BYTES 256
#define WF_LIMIT_NAME_CHARACTERS 64
/* A draft's whole state: a book of a million words, typed, has some 20 MB. And bytes of changes
 * that wait for the disk: who brings more waits. */
#define WF_LIMIT_DRAFT_BYTES (64u << 20)
#define WF_LIMIT_DRAFT_WAITING_BYTES (32u << 20)
/* One message of a sync connection: as large as a draft may be. What it may have sent that was not
 * looked at yet, and what may wait until it reads: who is slower is let go and asks anew. */
#define WF_LIMIT_SYNC_MESSAGE_BYTES WF_LIMIT_DRAFT_BYTES
#define WF_LIMIT_SYNC_INBOX_BYTES (16u << 20)
#define WF_LIMIT_SYNC_OUTBOX_BYTES (16u << 20)
/* Pages and programs at one draft at once. */
#define WF_LIMIT_SYNC_CLIENTS 256
/* One batch between devices, and what is in it: a draft's whole state fits. */
#define WF_LIMIT_BATCH_CONTENT_BYTES (WF_LIMIT_DRAFT_BYTES + (1u << 20))
#define WF_LIMIT_BATCH_BYTES (WF_LIMIT_BATCH_CONTENT_BYTES + WF_LIMIT_BATCH_CONTENT_BYTES / 8)
/* Logs of batches that a node knows of: of devices times the levels of their spaces. */
#define WF_LIMIT_SYNC_LOGS 1000000
/* A node that keeps ciphertext alone: bytes of batches, how old those may become that somebody has
 * not fetched (three months away is a long time), streams, logs of one of them. */
#define WF_LIMIT_RELAY_BYTES ((uint64_t)16 << 30)
#define WF_LIMIT_RELAY_DAYS 100u
#define WF_LIMIT_RELAY_STREAMS 65536u
#define WF_LIMIT_RELAY_STREAM_LOGS 4096u
/* Letters that wait for one device, their bytes, and those of all. One has a few kilobytes. */
#define WF_LIMIT_RELAY_LETTERS 256u
#define WF_LIMIT_RELAY_LETTER_BYTES ((uint64_t)8 << 20)
#define WF_LIMIT_RELAY_LETTER_BYTES_ALL ((uint64_t)512 << 20)
/* State of one client's presence, as JSON, and clients of one message of it. */
#define WF_LIMIT_AWARENESS_BYTES (64u << 10)
#define WF_LIMIT_AWARENESS_CLIENTS 10000
/* Records: bytes of the name of a collection or field, of a key, of one value; what one record may
 * hold before its own device adds no more; records of one change, fields of one of them, bytes of
 * all, and adds that are taken back at once (a device each). */
#define WF_LIMIT_RECORD_NAME_BYTES 128
#define WF_LIMIT_RECORD_KEY_BYTES 512
#define WF_LIMIT_RECORD_VALUE_BYTES (256u << 10)
#define WF_LIMIT_RECORD_BYTES (1u << 20)
#define WF_LIMIT_CHANGE_ITEMS 1024
#define WF_LIMIT_CHANGE_OPS 1024
#define WF_LIMIT_CHANGE_BYTES (1u << 20)
#define WF_LIMIT_CHANGE_DOTS 4096

#endif
