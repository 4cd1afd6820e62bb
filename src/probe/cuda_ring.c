#include "probe/cuda_parts.h"

enum { NCCL_BF16 = 9, NCCL_SUM = 0 }; /* of nccl.h */

static bool open_one(const hg_cuda_api *api, int i, size_t bytes, hg_cuda_ring *r, hg_err *err)
{
    if (!HG_TRY(api, DRIVER, err, cuDeviceGet, &r->device[i], i) ||
        !HG_TRY(api, DRIVER, err, cuDevicePrimaryCtxRetain, &r->context[i], r->device[i]))
        return false;
    r->devices = i + 1;
    return HG_TRY(api, DRIVER, err, cuCtxSetCurrent, r->context[i]) &&
           HG_TRY(api, DRIVER, err, cuStreamCreate, &r->stream[i], 0) &&
           HG_TRY(api, DRIVER, err, cuMemAlloc_v2, &r->buffer[i], bytes) &&
           HG_TRY(api, DRIVER, err, cuMemsetD16_v2, r->buffer[i], 0, bytes / 2);
}

bool hg_cuda_ring_open(const hg_cuda_api *api, int devices, size_t bytes, hg_cuda_ring *r,
                       hg_err *err)
{
    bool ok = true;
    for (int i = 0; ok && i < devices && i < HG_CUDA_DEVICES; i++)
        ok = open_one(api, i, bytes, r, err);
    return ok && HG_TRY(api, DRIVER, err, cuCtxSetCurrent, r->context[0]);
}

static void drop(const hg_cuda_api *api, hg_cuda_ring *r)
{
    for (int i = 0; i < r->size; i++)
        api->ncclCommDestroy(r->communicator[i]);
    r->size = 0;
}

bool hg_cuda_ring_ready(const hg_cuda_api *api, hg_cuda_ring *r, int size, hg_err *err)
{
    if (r->size == size)
        return true;
    drop(api, r);
    if (!HG_TRY(api, NCCL, err, ncclCommInitAll, r->communicator, size, r->device))
        return false;
    r->size = size;
    return HG_TRY(api, DRIVER, err, cuCtxSetCurrent, r->context[0]);
}

bool hg_cuda_ring_run(const hg_cuda_api *api, const hg_cuda_ring *r, size_t count, hg_err *err)
{
    bool ok = HG_TRY0(api, NCCL, err, ncclGroupStart);
    for (int i = 0; ok && i < r->size; i++) {
        void *buffer = (void *)(uintptr_t)r->buffer[i];
        ok = HG_TRY(api, NCCL, err, ncclAllReduce, buffer, buffer, count, NCCL_BF16, NCCL_SUM,
                    r->communicator[i], r->stream[i]);
    }
    return ok && HG_TRY0(api, NCCL, err, ncclGroupEnd) &&
           HG_TRY(api, DRIVER, err, cuCtxSetCurrent, r->context[0]);
}

void hg_cuda_ring_close(const hg_cuda_api *api, hg_cuda_ring *r)
{
    drop(api, r);
    for (int i = r->devices; i-- > 0;) {
        api->cuCtxSetCurrent(r->context[i]);
        if (r->buffer[i])
            api->cuMemFree_v2(r->buffer[i]);
        if (r->stream[i])
            api->cuStreamDestroy_v2(r->stream[i]);
        api->cuDevicePrimaryCtxRelease_v2(r->device[i]);
    }
    *r = (hg_cuda_ring){ 0 };
}
