/* HTTP/2 (RFC 9113) through nghttp2: its session turns bytes into frames, the connection moves them. */
#include "live/client_parts.h"

#include "live/clock.h"

#include <nghttp2/nghttp2.h>
#include <stdio.h>
#include <string.h>

enum { STREAMS_DEFAULT = 100, WINDOW_STREAM = 1 << 24, WINDOW_CONNECTION = 1 << 30, STATUS_SIZE = 4 };

static int on_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name, size_t name_size,
                     const uint8_t *value, size_t value_size, uint8_t flags, void *user)
{
    hg_exchange *x = nghttp2_session_get_stream_user_data(session, frame->hd.stream_id);
    (void)flags, (void)user;
    if (!x)
        return 0;
    x->heard = true;
    if (name_size == 7 && memcmp(name, ":status", 7) == 0 && value_size < STATUS_SIZE) {
        x->status = 0;
        for (size_t i = 0; i < value_size; i++)
            x->status = x->status * 10 + (value[i] - '0');
    }
    if (name_size == 12 && memcmp(name, "content-type", 12) == 0) {
        size_t k = 0;
        for (; k < value_size && k + 1 < sizeof x->type && value[k] != ';' && value[k] != ' '; k++)
            x->type[k] = (char)(value[k] >= 'A' && value[k] <= 'Z' ? value[k] | 32 : value[k]);
        x->type[k] = 0;
    }
    return 0;
}

static int on_data(nghttp2_session *session, uint8_t flags, int32_t stream, const uint8_t *data, size_t size, void *user)
{
    hg_conn *k = user;
    hg_exchange *x = nghttp2_session_get_stream_user_data(session, stream);
    (void)flags;
    if (!x)
        return 0;
    hg_exchange_data(x, (const char *)data, size, x->heard_ns);
    if (x->refused)
        hg_client_cancel(k->client, x, x->refused, x->refusal);
    return 0;
}

static int on_begin_frame(nghttp2_session *session, const nghttp2_frame_hd *hd, void *user)
{
    const hg_conn *k = user;
    hg_exchange *x = hd->stream_id ? nghttp2_session_get_stream_user_data(session, hd->stream_id) : NULL;
    if (x) {
        x->heard_ns = k->read_ns;
        x->reads += hd->type == NGHTTP2_DATA && hd->length > 0;
    }
    return 0;
}

static int on_frame(nghttp2_session *session, const nghttp2_frame *frame, void *user)
{
    hg_conn *k = user;
    if (frame->hd.type == NGHTTP2_SETTINGS && !(frame->hd.flags & NGHTTP2_FLAG_ACK)) {
        uint32_t most = nghttp2_session_get_remote_settings(session, NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS);
        k->streams_max = most == UINT32_MAX ? STREAMS_DEFAULT : most;
    }
    if (frame->hd.type == NGHTTP2_GOAWAY)
        k->streams_max = -1; /* no more of ours */
    return 0;
}

static int on_stream_close(nghttp2_session *session, int32_t stream, uint32_t code, void *user)
{
    hg_exchange *x = nghttp2_session_get_stream_user_data(session, stream);
    char why[80];
    (void)user;
    if (!x)
        return 0;
    nghttp2_session_set_stream_user_data(session, stream, NULL);
    snprintf(why, sizeof why, "the stream was closed with %s", nghttp2_http2_strerror(code));
    if (code == NGHTTP2_NO_ERROR && x->status)
        hg_exchange_end(x, HG_FAULT_NONE, NULL);
    else
        hg_exchange_end(x, x->heard ? HG_FAULT_CUT : HG_FAULT_RESET, why);
    return 0;
}

bool hg_http2_begin(hg_conn *k)
{
    nghttp2_session_callbacks *calls;
    static const nghttp2_settings_entry settings[] = { { NGHTTP2_SETTINGS_ENABLE_PUSH, 0 },
                                                       { NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, WINDOW_STREAM } };
    if (nghttp2_session_callbacks_new(&calls) != 0)
        return false;
    nghttp2_session_callbacks_set_on_header_callback(calls, on_header);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(calls, on_data);
    nghttp2_session_callbacks_set_on_begin_frame_callback(calls, on_begin_frame);
    nghttp2_session_callbacks_set_on_frame_recv_callback(calls, on_frame);
    nghttp2_session_callbacks_set_on_stream_close_callback(calls, on_stream_close);
    bool ok = nghttp2_session_client_new(&k->http2, calls, k) == 0;
    nghttp2_session_callbacks_del(calls);
    return ok && nghttp2_submit_settings(k->http2, NGHTTP2_FLAG_NONE, settings, sizeof settings / sizeof *settings) == 0 &&
           nghttp2_session_set_local_window_size(k->http2, NGHTTP2_FLAG_NONE, 0, WINDOW_CONNECTION) == 0;
}

static ssize_t read_body(nghttp2_session *session, int32_t stream, uint8_t *into, size_t size, uint32_t *flags,
                         nghttp2_data_source *source, void *user)
{
    hg_exchange *x = nghttp2_session_get_stream_user_data(session, stream);
    (void)source, (void)user;
    size_t n = x ? x->body_size - x->body_sent : 0;
    n = n < size ? n : size;
    if (n)
        memcpy(into, x->body + x->body_sent, n);
    if (x)
        x->body_sent += n;
    if (!x || x->body_sent == x->body_size)
        *flags |= NGHTTP2_DATA_FLAG_EOF;
    return (ssize_t)n;
}

static nghttp2_nv field(const char *name, const char *value)
{
    return (nghttp2_nv){ (uint8_t *)name, (uint8_t *)value, strlen(name), strlen(value), NGHTTP2_NV_FLAG_NONE };
}

void hg_http2_send(hg_conn *k, hg_exchange *x)
{
    const hg_client *c = k->client;
    char bearer[1024], length[24];
    nghttp2_nv fields[9];
    size_t n = 0;
    snprintf(length, sizeof length, "%zu", x->body_size);
    snprintf(bearer, sizeof bearer, "Bearer %s", c->key ? c->key : "");
    fields[n++] = field(":method", x->method);
    fields[n++] = field(":scheme", c->url.tls ? "https" : "http");
    fields[n++] = field(":authority", c->url.authority);
    fields[n++] = field(":path", x->path);
    fields[n++] = field("user-agent", "heng/" HENG_VERSION);
    if (x->body) {
        fields[n++] = field("content-type", "application/json");
        fields[n++] = field("content-length", length);
    }
    if (c->key) {
        fields[n] = field("authorization", bearer);
        fields[n++].flags = NGHTTP2_NV_FLAG_NO_INDEX;
    }
    nghttp2_data_provider body = { .read_callback = read_body };
    x->body_sent = 0;
    x->stream = nghttp2_submit_request(k->http2, NULL, fields, n, x->body ? &body : NULL, x);
    x->sent_ns = x->sent_ns ? x->sent_ns : hg_clock_ns();
}

void hg_http2_read(hg_conn *k, const char *bytes, size_t size, int64_t at_ns)
{
    k->read_ns = at_ns; /* a read may hold the frames of many streams */
    ssize_t used = nghttp2_session_mem_recv(k->http2, (const uint8_t *)bytes, size);
    hg_http2_pump(k);
    bool over = used < 0 || (!nghttp2_session_want_read(k->http2) && !nghttp2_session_want_write(k->http2));
    if (over && k->state != HG_CONN_CLOSED)
        hg_conn_fail(k, HG_FAULT_GARBAGE, k->streams_max == 0 ? "what answers there is no HTTP/2; leave out --http2"
                                                              : "the HTTP/2 connection was ended");
}

void hg_http2_pump(hg_conn *k)
{
    const uint8_t *frames;
    ssize_t n;
    while (k->state != HG_CONN_CLOSED && (n = nghttp2_session_mem_send(k->http2, &frames)) > 0)
        if (!hg_conn_write(k, frames, (size_t)n))
            hg_conn_fail(k, HG_FAULT_CUT, "out of memory");
}

void hg_http2_drop(hg_conn *k, hg_exchange *x)
{
    nghttp2_session_set_stream_user_data(k->http2, x->stream, NULL);
    nghttp2_submit_rst_stream(k->http2, NGHTTP2_FLAG_NONE, x->stream, NGHTTP2_CANCEL);
}

void hg_http2_end(hg_conn *k)
{
    nghttp2_session_del(k->http2);
    k->http2 = NULL;
}
