/* The file: header, facts, list of tensors, data.  Little-endian, as the machines this runs on.
 * Source: GGUF specification, version 3 (ggml, docs/gguf.md). */
#include "gguf.h"

#include "base/file.h"
#include "base/rng.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { VERSION = 3, ALIGNMENT = 32, BLOCK = 32, PIECE = 1 << 14 };
/* The format's numbers for types of values. */
enum { OF_U32 = 4, OF_I32 = 5, OF_F32 = 6, OF_BOOL = 7, OF_TEXT = 8, OF_LIST = 9 };
/* The marks that begin the vocabulary, and llama.cpp's kinds of tokens. */
enum { UNKNOWN, BEGIN, END, FIRST_BYTE, FIRST_WORD = FIRST_BYTE + 256 };
enum { KIND_NORMAL = 1, KIND_UNKNOWN = 2, KIND_CONTROL = 3, KIND_BYTE = 6 };

/* Neither is in a config in a form that changes how long anything takes. */
static const float RMS_EPSILON = 1e-5F, ROPE_BASE = 10000;
/* Weights are uniform with about the deviation that models are initialised with, 0.02: activations
 * neither vanish nor overflow. */
static const float LARGEST = 0.0346F;

static void put_text(hg_buf *b, const char *s)
{
    uint64_t n = strlen(s);
    hg_buf_add(b, (const char *)&n, sizeof n);
    hg_buf_add(b, s, n);
}

static void put_u32(hg_buf *b, uint32_t v)
{
    hg_buf_add(b, (const char *)&v, sizeof v);
}
static void put_u64(hg_buf *b, uint64_t v)
{
    hg_buf_add(b, (const char *)&v, sizeof v);
}

typedef struct facts {
    hg_buf text;
    uint64_t count;
    const char *architecture;
} facts;

static void key(facts *f, const char *name, uint32_t type)
{
    f->count++;
    put_text(&f->text,
             name[0] == '.' ? hg_textf(f->text.arena, "%s%s", f->architecture, name) : name);
    put_u32(&f->text, type);
}

static void fact_int(facts *f, const char *name, int64_t v)
{
    key(f, name, OF_U32);
    put_u32(&f->text, (uint32_t)v);
}

static void fact_real(facts *f, const char *name, float v)
{
    key(f, name, OF_F32);
    hg_buf_add(&f->text, (const char *)&v, sizeof v);
}

static void fact_text(facts *f, const char *name, const char *v)
{
    key(f, name, OF_TEXT);
    put_text(&f->text, v);
}

static void fact_no(facts *f, const char *name)
{
    key(f, name, OF_BOOL);
    hg_buf_add(&f->text, "", 1);
}

static void list(facts *f, const char *name, uint32_t of, int64_t n)
{
    key(f, name, OF_LIST);
    put_u32(&f->text, of);
    put_u64(&f->text, (uint64_t)n);
}

static void token_text(char *out, size_t size, int64_t id)
{
    static const char *const marks[] = { "<unk>", "<s>", "</s>" };
    if (id < FIRST_BYTE)
        snprintf(out, size, "%s", marks[id]);
    else if (id < FIRST_WORD)
        snprintf(out, size, "<0x%02X>", (unsigned)(id - FIRST_BYTE));
    else
        snprintf(out, size, "\xe2\x96\x81w%" PRId64, id); /* U+2581 stands for a space */
}

static uint32_t token_kind(int64_t id)
{
    return id == UNKNOWN     ? KIND_UNKNOWN
           : id < FIRST_BYTE ? KIND_CONTROL
           : id < FIRST_WORD ? KIND_BYTE
                             : KIND_NORMAL;
}

/* Bytes, then words " w259", " w260", …: any text has tokens, and a word of the vocabulary is one.
 */
static void vocabulary(facts *f, int64_t size)
{
    char text[32];
    fact_text(f, "tokenizer.ggml.model", "llama");
    list(f, "tokenizer.ggml.tokens", OF_TEXT, size);
    for (int64_t id = 0; id < size; id++) {
        token_text(text, sizeof text, id);
        put_text(&f->text, text);
    }
    list(f, "tokenizer.ggml.scores", OF_F32, size);
    for (int64_t id = 0; id < size; id++)
        put_u32(&f->text, 0);
    list(f, "tokenizer.ggml.token_type", OF_I32, size);
    for (int64_t id = 0; id < size; id++)
        put_u32(&f->text, token_kind(id));
    fact_int(f, "tokenizer.ggml.unknown_token_id", UNKNOWN);
    fact_int(f, "tokenizer.ggml.bos_token_id", BEGIN);
    fact_int(f, "tokenizer.ggml.eos_token_id", END);
    fact_no(f, "tokenizer.ggml.add_bos_token");
}

static void describe(const gguf_shape *s, facts *f)
{
    const hg_layer *l = s->layer;
    static const uint32_t file_type[] = {
        [GGUF_F32] = 0, [GGUF_F16] = 1, [GGUF_Q8_0] = 7, [GGUF_BF16] = 32
    };
    fact_text(f, "general.architecture", s->architecture);
    fact_text(f, "general.name", hg_textf(f->text.arena, "%s (random weights)", s->model->name));
    fact_int(f, "general.file_type", file_type[s->type]);
    fact_int(f, ".context_length", s->model->max_tokens);
    fact_int(f, ".embedding_length", s->model->hidden_size);
    fact_int(f, ".block_count", s->model->layer_count);
    fact_int(f, ".vocab_size", s->model->vocab_size);
    fact_int(f, ".feed_forward_length",
             l->ffn == HG_FFN_MOE ? l->expert_inter_size : l->inter_size);
    fact_int(f, ".attention.head_count", l->heads);
    fact_int(f, ".attention.head_count_kv", l->kv_heads);
    fact_int(f, ".attention.key_length", l->head_dim);
    fact_int(f, ".attention.value_length", l->head_dim);
    fact_int(f, ".rope.dimension_count", l->head_dim);
    fact_real(f, ".rope.freq_base", ROPE_BASE);
    fact_real(f, ".attention.layer_norm_rms_epsilon", RMS_EPSILON);
    if (l->ffn == HG_FFN_MOE) {
        fact_int(f, ".expert_count", l->experts);
        fact_int(f, ".expert_used_count", l->topk);
        fact_int(f, ".expert_feed_forward_length", l->expert_inter_size);
    }
    vocabulary(f, s->model->vocab_size);
}

static uint64_t aligned(uint64_t n)
{
    return (n + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
}

static void head(hg_arena *arena, const gguf_shape *s, hg_buf *out)
{
    facts f = { .text = { .arena = arena }, .architecture = s->architecture };
    uint64_t at = 0;
    describe(s, &f);
    hg_buf_puts(out, "GGUF");
    put_u32(out, VERSION);
    put_u64(out, s->count);
    put_u64(out, f.count);
    hg_buf_add(out, f.text.s, f.text.n);
    for (size_t i = 0; i < s->count; i++) {
        const gguf_tensor *t = &s->tensors[i];
        put_text(out, t->name);
        put_u32(out, (uint32_t)t->rank);
        for (int k = 0; k < t->rank; k++)
            put_u64(out, (uint64_t)t->dims[k]);
        put_u32(out, t->type);
        put_u64(out, at);
        at = aligned(at + (uint64_t)gguf_bytes(t));
    }
    while (out->n % ALIGNMENT)
        hg_buf_add(out, "", 1);
}

static uint32_t bits_of(float x)
{
    uint32_t u;
    memcpy(&u, &x, sizeof u);
    return u;
}

/* Cut, not rounded; below half's normal numbers it is 0, which weights of this size seldom reach.
 */
static uint16_t half(float x)
{
    uint32_t u = bits_of(x), exponent = (u >> 23) & 255, sign = (u >> 16) & 0x8000;
    return (uint16_t)(exponent <= 112 ? sign : sign | (exponent - 112) << 10 | ((u >> 13) & 1023));
}

/* n weights of a type into out (a multiple of BLOCK where that matters); the bytes. */
static size_t fill(gguf_type type, bool ones, hg_rng *r, size_t n, unsigned char *out)
{
    size_t width = type == GGUF_F32 ? 4 : 2;
    if (type == GGUF_Q8_0) {
        uint16_t scale = half(LARGEST / 127);
        for (size_t b = 0; b < n / BLOCK; b++, out += BLOCK + 2) {
            memcpy(out, &scale, 2);
            for (int i = 0; i < BLOCK; i += 8) {
                uint64_t u = hg_rng_u64(r);
                memcpy(out + 2 + i, &u, 8);
            }
        }
        return n / BLOCK * (BLOCK + 2);
    }
    for (size_t i = 0; i < n; i++) {
        float x = ones ? 1 : ((float)(hg_rng_u64(r) >> 40) * 0x1p-23F - 1) * LARGEST;
        uint32_t u = type == GGUF_F32 ? bits_of(x) : type == GGUF_F16 ? half(x) : bits_of(x) >> 16;
        memcpy(out + i * width, &u, width);
    }
    return n * width;
}

static bool put_tensor(FILE *out, const gguf_tensor *t, hg_rng *r)
{
    static const char zeros[ALIGNMENT];
    unsigned char piece[PIECE * 4];
    int64_t left = t->dims[0] * t->dims[1] * t->dims[2];
    while (left > 0) {
        size_t n = left < PIECE ? (size_t)left : PIECE, bytes = fill(t->type, t->ones, r, n, piece);
        if (fwrite(piece, 1, bytes, out) != bytes)
            return false;
        left -= (int64_t)n;
    }
    size_t gap = aligned((uint64_t)gguf_bytes(t)) - (uint64_t)gguf_bytes(t);
    return fwrite(zeros, 1, gap, out) == gap;
}

bool gguf_write(hg_arena *arena, const gguf_shape *s, uint64_t seed, const char *path, bool force,
                hg_err *err)
{
    if (!hg_file_may_write(path, force, err))
        return false;
    const char *beside = hg_textf(arena, "%s.part", path);
    hg_buf b = { .arena = arena };
    head(arena, s, &b);
    FILE *out = fopen(beside, "wb");
    bool good = out && fwrite(b.s, 1, b.n, out) == b.n;
    for (size_t i = 0; good && i < s->count; i++) {
        hg_rng r = hg_rng_seed(seed, i);
        good = put_tensor(out, &s->tensors[i], &r);
    }
    good = out && fclose(out) == 0 && good && rename(beside, path) == 0;
    if (!good) {
        int why = errno;
        unlink(beside);
        return hg_fail(err, HG_WORLD, path, "cannot be written: %s", strerror(why));
    }
    return true;
}
