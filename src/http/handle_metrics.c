/* SPDX-License-Identifier: Apache-2.0 */
/* /metrics: counters in Prometheus' text format, version 0.0.4. Numbers only: no path, no title, no
 * word of anyone's. */
#include <inttypes.h>

#include "base/alloc.h"
#include "find/meaning.h"
#include "http/http_internal.h"
#include "store/document.h"

#define METRICS_BYTES_MAX (64u << 10)

static void metric(struct wf_buf *b, const char *name, const char *type, const char *help)
{
    wf_buf_appendf(b, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void store_metrics(struct wf_request *r, struct wf_buf *b)
{
    struct wf_document_totals t;
    struct wf_reader *reader = NULL;
    struct wf_store *store = r->http->o.ops->store;

    if (wf_store_reader_get(store, &reader, NULL) != 0)
        return;
    if (wf_document_totals(reader, &t, NULL) == 0) {
        metric(b, "weft_documents", "gauge", "Documents taken in.");
        wf_buf_appendf(b, "weft_documents %" PRIu64 "\n", t.n_documents);
        metric(b, "weft_chunks", "gauge", "Passages in the index.");
        wf_buf_appendf(b, "weft_chunks %" PRIu64 "\n", t.n_chunks);
        metric(b, "weft_document_bytes", "gauge", "Bytes of the original files.");
        wf_buf_appendf(b, "weft_document_bytes %" PRIu64 "\n", t.bytes);
        metric(b, "weft_failed_files", "gauge", "Files that could not be read.");
        wf_buf_appendf(b, "weft_failed_files %" PRIu64 "\n", t.n_failed);
    }
    wf_store_reader_put(store, reader);
}

static void vector_metrics(struct wf_request *r, struct wf_buf *b)
{
    struct wf_meaning *meaning = r->http->o.ops->meaning;
    struct wf_meaning_status s;

    if (!meaning)
        return;
    wf_meaning_status(meaning, &s);
    metric(b, "weft_vectors", "gauge", "Passages that have a vector.");
    wf_buf_appendf(b, "weft_vectors %" PRIu64 "\n", s.n_embedded);
    metric(b, "weft_vector_bytes", "gauge", "Memory of the vectors that are loaded.");
    wf_buf_appendf(b, "weft_vector_bytes %" PRIu64 "\n", s.n_memory);
    metric(b, "weft_vectors_working", "gauge", "1 while vectors are being made.");
    wf_buf_appendf(b, "weft_vectors_working %d\n", s.state == WF_MEANING_WORKING);
}

void wf_handle_metrics(struct wf_request *r)
{
    struct wf_http_counters *c = &r->http->counters;
    struct wf_alloc_stats mem = wf_alloc_stats();
    struct wf_buf b;

    wf_buf_init(&b, METRICS_BYTES_MAX);
    metric(&b, "weft_build_info", "gauge", "The version that runs.");
    wf_buf_appendf(&b, "weft_build_info{version=\"%s\"} 1\n", WF_VERSION);
    metric(&b, "weft_http_requests_total", "counter", "Requests answered, by class of status.");
    for (unsigned i = 1; i < WF_ARRAY_LEN(c->n_requests); i++)
        wf_buf_appendf(&b, "weft_http_requests_total{status=\"%uxx\"} %" PRIu64 "\n", i,
                       atomic_load_explicit(&c->n_requests[i], memory_order_relaxed));
    metric(&b, "weft_http_request_seconds_total", "counter", "Time of all requests together.");
    wf_buf_appendf(&b, "weft_http_request_seconds_total %.6f\n",
                   (double)atomic_load_explicit(&c->n_seconds_us, memory_order_relaxed) / 1e6);
    metric(&b, "weft_http_refused_total", "counter", "Requests turned away: token, Host, Origin.");
    wf_buf_appendf(&b, "weft_http_refused_total %" PRIu64 "\n",
                   atomic_load_explicit(&c->n_refused, memory_order_relaxed));
    metric(&b, "weft_http_running", "gauge", "Requests that wait for or are with a worker.");
    wf_buf_appendf(&b, "weft_http_running %zu\n", wf_team_load(r->http->team));
    metric(&b, "weft_http_generating", "gauge", "Requests that wait for or are with a model.");
    wf_buf_appendf(&b, "weft_http_generating %zu\n", wf_team_load(r->http->generators));
    metric(&b, "weft_memory_bytes", "gauge", "Memory in use by weft's own allocations.");
    wf_buf_appendf(&b, "weft_memory_bytes %" PRIu64 "\n", mem.bytes_live);
    store_metrics(r, &b);
    vector_metrics(r, &b);
    if (wf_buf_status(&b) == 0)
        wf_answer_bytes(r, 200, "text/plain; version=0.0.4; charset=utf-8", wf_buf_str(&b));
    else
        wf_answer_problem(r, 500, "NOMEM", "Out of memory.", NULL);
    wf_buf_deinit(&b);
}
