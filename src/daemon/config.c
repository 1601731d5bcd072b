/* SPDX-License-Identifier: Apache-2.0 */
/* Settings from one table. Only what a person has a reason to change is a setting; every other
 * number is a limit with its reason in base/limits.h. */
#include "daemon/config.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/limits.h"
#include "os/file.h"

#define FIELD(f) offsetof(struct wf_config, f)

static const char *const off_on[] = {"off", "on", NULL};
static const char *const balances[] = {"good", "fast", "frugal", "private",
                                       NULL};                         /* as wf_balance */
static const char *const offers[] = {"auto", "on", "off", NULL};      /* as wf_nodes_offers */
static const char *const tiers[] = {"device", "edge", "cloud", NULL}; /* as wf_node_tier */
static const char *const keeps[] = {"all", "small", "pinned", "auto", NULL}; /* as wf_blobs_keep */
static const char *const off_on_auto[] = {"off", "on", "auto", NULL};

static const struct wf_config_option options[] = {
    {"host", FIELD(host), sizeof(((struct wf_config *)0)->host), "127.0.0.1", 0, 0, NULL,
     "address of the HTTP port; weft is made for this machine alone, so leave it a loopback one"},
    {"port", FIELD(port), 0, "7770", 0, 65535, NULL, "HTTP port; 0 takes any free one"},
    {"origins", FIELD(origins), sizeof(((struct wf_config *)0)->origins), "", 0, 0, NULL,
     "origins of pages elsewhere, as http://localhost:5173, with spaces between, that may use the "
     "HTTP port and drafts with the token; empty: weft's own page alone"},
    {"link_port", FIELD(link_port), 0, "7771", 0, 65535, NULL,
     "port for this person's other devices (TLS 1.3, pinned keys), open only while something is "
     "paired or being paired; 0: none, this node only connects to others"},
    {"link_host", FIELD(link_host), sizeof(((struct wf_config *)0)->link_host), "", 0, 0, NULL,
     "the one numeric address that link_port is open at; empty: all, IPv4 and IPv6"},
    {"link_discover", FIELD(link_discover), 0, "on", 0, 1, off_on,
     "paired devices find each other in the local network by mDNS: on, or off"},
    {"lan", FIELD(lan), 0, "off", 0, 1, off_on,
     "on: phones that were let in (weft phone) use the app in the local network, over TLS; the "
     "same "
     "as weft up --lan"},
    {"lan_port", FIELD(lan_port), 0, "7772", 1, 65535, NULL, "port for phones"},
    {"lan_host", FIELD(lan_host), sizeof(((struct wf_config *)0)->lan_host), "", 0, 0, NULL,
     "the one numeric address that lan_port is open at; empty: all private ones, never a public "
     "one"},
    {"log_level", FIELD(log_level), 0, "2", 0, 3, NULL,
     "0 errors, 1 warnings, 2 information, 3 debug"},
    {"extract_memory_mib", FIELD(extract_memory_mib), 0, "512", 64, 16384, NULL,
     "memory of one worker that reads a file"},
    {"extract_time_s", FIELD(extract_time_s), 0, "60", 1, 86400, NULL,
     "time of one worker that reads a file; raise it for long scanned documents"},
    {"registry", FIELD(registry), sizeof(((struct wf_config *)0)->registry), "registry.ollama.ai",
     0, 0, NULL, "where weft pull looks for names without a host: HOST or HOST:PORT"},
    {"huggingface", FIELD(huggingface), sizeof(((struct wf_config *)0)->huggingface),
     "https://huggingface.co", 0, 0, NULL, "where weft pull looks for hf.co/USER/REPO: a mirror"},
    {"huggingface_token", FIELD(huggingface_token),
     sizeof(((struct wf_config *)0)->huggingface_token), "", 0, 0, NULL,
     "what Hugging Face asks for before it gives out some models; sent nowhere else"},
    {"ca_file", FIELD(ca_file), sizeof(((struct wf_config *)0)->ca_file), "", 0, 0, NULL,
     "certificates that weft pull trusts instead of the system's, for a registry of one's own"},
    {"lens", FIELD(lens), sizeof(((struct wf_config *)0)->lens), "on", 0, 0, NULL,
     "the embedded model: on, off (all works by words alone), or the path of another lens file"},
    {"plain_words", FIELD(plain_words), 0, "on", 0, 1, off_on,
     "sentences in place of a command are understood by the lens: on, or off"},
    {"search_vectors", FIELD(search_vectors), 0, "auto", 0, 2, off_on_auto,
     "search by meaning, too: auto (with a lens that was fitted for it), on, or off (no vectors "
     "are "
     "made; those that are there stay)"},
    {"search_rerank", FIELD(search_rerank), 0, "8", 0, 32, NULL,
     "passages that the lens reads with the question to order them, some 12 ms of a core each; "
     "0: none"},
    {"summarize_lens", FIELD(summarize_lens), 0, "on", 0, 1, off_on,
     "summaries by what lens has learned of them, where it knows the words: on, or off"},
    {"route_balance", FIELD(route_balance), 0, "good", 0, 3, balances,
     "what counts most where the model \"auto\" is asked: good (the likeliest right answer), fast, "
     "frugal (energy and money) or private (as near as it can be done)"},
    {"route_hedge", FIELD(route_hedge), 0, "on", 0, 1, off_on,
     "on: where \"auto\" has chosen an engine that is late with its first word, another one is "
     "asked, "
     "too (not for frugal and private)"},
    {"route_consent", FIELD(route_consent), 0, "off", 0, 1, off_on,
     "on: \"auto\" may also choose engines that the policy wants you to be asked about, as "
     "providers; off: those only when they are named"},
    {"carbon_g_kwh", FIELD(carbon_g_kwh), 0, "0", 0, 2000, NULL,
     "grams of CO2 that a kilowatt hour of this device's current stands for; 0: not told"},
    {"node_name", FIELD(node_name), sizeof(((struct wf_config *)0)->node_name), "", 0, 0, NULL,
     "what this device is called among a person's others when it is paired; empty: as the machine"},
    {"node_tier", FIELD(node_tier), 0, "device", 0, 2, tiers,
     "what kind of node this is when it is paired: device (in a hand or on a desk), edge (always "
     "on, nearby) or cloud (rented: it is cleared for less)"},
    {"node_offers", FIELD(node_offers), 0, "auto", 0, 2, offers,
     "whether a person's other nodes may ask this one's models: on, off, or auto: where it is an "
     "edge or cloud node"},
    {"documents", FIELD(documents), 0, "auto", 0, 3, keeps,
     "which documents of a person's other devices are fetched without being asked for: all, small "
     "ones, or only those that are pinned; the others are known by name and come when they are "
     "opened. auto: all, on a disk below 64 GB small ones"},
    {"documents_small_mb", FIELD(documents_small_mb), 0, "8", 1, 2048, NULL,
     "up to how many megabytes a document is small"},
    {"documents_mb", FIELD(documents_mb), 0, "1024", 0, 1000000000, NULL,
     "megabytes that originals from other devices may take which are not pinned; beyond that the "
     "longest unused ones go, where another device keeps them. With documents = all: no limit"},
};

bool wf_config_option_at(size_t i, struct wf_config_option *out)
{
    const struct wf_model_option *m;

    if (i < WF_ARRAY_LEN(options)) {
        *out = options[i];
        return true;
    }
    m = wf_model_options();
    for (i -= WF_ARRAY_LEN(options); i > 0 && m->name != NULL; i--)
        m++;
    if (m->name == NULL)
        return false;
    *out = (struct wf_config_option){.name = m->name,
                                     .offset = FIELD(models) + m->offset,
                                     .text_bytes = m->text_bytes,
                                     .fallback = m->fallback,
                                     .min = m->min,
                                     .max = m->max,
                                     .choices = m->choices,
                                     .help = m->help};
    return true;
}

void wf_config_env_name(const struct wf_config_option *o, char out[WF_CONFIG_ENV_BYTES])
{
    size_t n = (size_t)snprintf(out, WF_CONFIG_ENV_BYTES, "WEFT_%s", o->name);

    assert(n < WF_CONFIG_ENV_BYTES);
    for (size_t i = 0; i < n; i++)
        out[i] = out[i] >= 'a' && out[i] <= 'z' ? (char)(out[i] - 'a' + 'A') : out[i];
}

static int set_choice(const struct wf_config_option *o, struct wf_str value, int64_t *out,
                      struct wf_err *err)
{
    char all[128] = "";
    size_t n = 0;

    for (size_t i = 0; o->choices[i] != NULL; i++) {
        if (wf_str_eq_nocase(value, wf_str_from(o->choices[i]))) {
            *out = (int64_t)i;
            return 0;
        }
        n += (size_t)snprintf(all + n, sizeof(all) - n, "%s%s", i > 0 ? ", " : "", o->choices[i]);
        assert(n < sizeof(all));
    }
    return wf_err_set(err, WF_E_RANGE, "The setting \"%s\" must be one of %s, not \"%.*s\".",
                      o->name, all, WF_STR_ARG(wf_str_sub(value, 0, 40)));
}

static int set_option(struct wf_config *c, const struct wf_config_option *o, struct wf_str value,
                      struct wf_err *err)
{
    char *field = (char *)c + o->offset;
    int64_t n = 0;

    if (o->text_bytes > 0) {
        if ((value.len == 0 && *o->fallback != 0) || value.len >= o->text_bytes ||
            wf_str_find_byte(value, 0, 0) != SIZE_MAX)
            return wf_err_set(err, WF_E_RANGE, "The setting \"%s\" is empty or too long.", o->name);
        memset(field, 0, o->text_bytes);
        if (value.len > 0)
            memcpy(field, value.ptr, value.len);
        return 0;
    }
    if (o->choices != NULL) {
        int rc = set_choice(o, value, &n, err);
        if (rc == 0)
            memcpy(field, &n, sizeof(n));
        return rc;
    }
    if (!wf_str_to_i64(value, &n) || n < o->min || n > o->max)
        return wf_err_set(err, WF_E_RANGE,
                          "The setting \"%s\" must be a whole number from %" PRId64 " to %" PRId64
                          ", not \"%.*s\".",
                          o->name, o->min, o->max, WF_STR_ARG(value));
    memcpy(field, &n, sizeof(n));
    return 0;
}

void wf_config_init(struct wf_config *c)
{
    struct wf_config_option o;

    memset(c, 0, sizeof(*c));
    for (size_t i = 0; wf_config_option_at(i, &o); i++) {
        int rc = set_option(c, &o, wf_str_from(o.fallback), NULL);
        assert(rc == 0); /* the table's own defaults are within its bounds */
        (void)rc;
    }
}

int wf_config_set(struct wf_config *c, struct wf_str name, struct wf_str value, struct wf_err *err)
{
    struct wf_config_option o;

    for (size_t i = 0; wf_config_option_at(i, &o); i++) {
        if (wf_str_eq(name, wf_str_from(o.name)))
            return set_option(c, &o, value, err);
    }
    return wf_err_set(err, WF_E_NOENT, "There is no setting \"%.*s\". See man weft.",
                      WF_STR_ARG(name));
}

static int set_line(struct wf_config *c, struct wf_str line, struct wf_err *err)
{
    size_t comment = wf_str_find_byte(line, '#', 0), equals;

    line = wf_str_trim(comment == SIZE_MAX ? line : wf_str_sub(line, 0, comment));
    if (line.len == 0)
        return 0;
    equals = wf_str_find_byte(line, '=', 0);
    if (equals == SIZE_MAX)
        return wf_err_set(err, WF_E_INVAL, "A setting is written: name = value");
    return wf_config_set(c, wf_str_trim(wf_str_sub(line, 0, equals)),
                         wf_str_trim(wf_str_sub(line, equals + 1, line.len)), err);
}

int wf_config_load(struct wf_config *c, const char *path, struct wf_err *err)
{
    struct wf_str rest, line;
    size_t n_line = 0;
    struct wf_buf b;
    int rc = 0;

    if (access(path, F_OK) != 0)
        return 0;
    wf_buf_init(&b, 64u << 10);
    rc = wf_file_read(path, &b, err);
    rest = wf_buf_str(&b);
    while (rc == 0 && wf_str_line(&rest, &line)) {
        n_line++;
        rc = set_line(c, line, err);
        if (rc != 0)
            wf_err_prefix(err, "%s, line %zu", path, n_line);
    }
    wf_buf_deinit(&b);
    return rc;
}
