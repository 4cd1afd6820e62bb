/* A dummy model: a model's shape as llama.cpp names its parts, and a GGUF file of that shape with
 * random weights. */
#ifndef ENGINE_GGUF_H
#define ENGINE_GGUF_H

#include "base/text.h"
#include "spec/model.h"

/* ggml's numbers of element types; the same in every GGUF file. */
typedef enum gguf_type { GGUF_F32 = 0, GGUF_F16 = 1, GGUF_Q8_0 = 8, GGUF_BF16 = 30 } gguf_type;

typedef struct gguf_tensor {
    const char *name;
    int64_t dims[3]; /* the first varies fastest; 1 beyond `rank` */
    int rank;
    gguf_type type;
    bool ones; /* a norm's weights; else random */
} gguf_tensor;

typedef struct gguf_shape {
    const hg_model *model;
    const hg_layer *layer;    /* all are of this one kind */
    const char *architecture; /* of llama.cpp */
    gguf_type type;           /* of matrices; vectors are F32 */
    gguf_tensor *tensors;
    size_t count, capacity;
} gguf_shape;

/* False: llama.cpp's Llama-like architectures cannot hold this model; err says which part. */
bool gguf_shape_of(hg_arena *arena, const hg_model *m, gguf_type type, gguf_shape *out,
                   hg_err *err);

int64_t gguf_bytes(const gguf_tensor *t);

/* Writes beside the path and renames.  The same shape and seed give the same bytes. */
bool gguf_write(hg_arena *arena, const gguf_shape *s, uint64_t seed, const char *path, bool force,
                hg_err *err);

#endif
