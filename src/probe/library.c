#include "probe/library.h"

#include "base/file.h"
#include "base/text.h"

#include <dlfcn.h>
#include <string.h>

/* Never unloaded again: threads that these libraries start may outlive the last call. */
enum { FLAGS = RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE };

static void *open_one(hg_arena *arena, const char *folder, const char *name)
{
    const char *path = folder ? hg_textf(arena, "%s/%s", folder, name) : name;
    return folder && !hg_is_file(path) ? NULL : dlopen(path, FLAGS);
}

bool hg_library_open(hg_arena *arena, const char *folder, const char *const *names,
                     const char *missing, hg_library *out, hg_err *err)
{
    *out = (hg_library){ 0 };
    for (int i = 0; names[i] && !out->handle; i++)
        *out = (hg_library){ open_one(arena, folder, names[i]), names[i] };
    return out->handle || hg_fail(err, HG_WORLD, names[0], "was not found%s%s: %s",
                                  folder ? " in " : "", folder ? folder : "", missing);
}

bool hg_library_bind(const hg_library *l, const hg_symbol *symbols, size_t count, void *api,
                     hg_err *err)
{
    for (size_t i = 0; i < count; i++) {
        void *f = dlsym(l->handle, symbols[i].name);
        if (!f && !symbols[i].optional)
            return hg_fail(err, HG_WORLD, l->name, "has no %s; another version is needed",
                           symbols[i].name);
        /* ISO C has no cast from data to function pointers; POSIX says they look alike. */
        memcpy((char *)api + symbols[i].offset, &f, sizeof f);
    }
    return true;
}

void hg_library_close(hg_library *l)
{
    if (l->handle)
        dlclose(l->handle);
    *l = (hg_library){ 0 };
}
