#!/usr/bin/env python3
"""Writes the assembler source that carries data/ inside the binary: embed.py DATA_DIR OUT.S DEPFILE"""
import hashlib
import os
import sys

root, out, depfile = sys.argv[1:]
paths = sorted(
    os.path.relpath(os.path.join(folder, name), root)
    for folder, _, names in os.walk(root)
    for name in names
    if name.endswith(".json")
)
lines = [".section .rodata"]
for i, path in enumerate(paths):
    with open(os.path.join(root, path), "rb") as f:
        digest = hashlib.sha256(f.read()).hexdigest()
    lines += [
        f"# {digest}",  # a changed file changes this text, and so is assembled anew
        f'path{i}: .asciz "{path}"',
        f'text{i}: .incbin "{os.path.join(root, path)}"',
        f"end{i}: .byte 0",
    ]
lines += [".section .data.rel.ro,\"aw\"", ".balign 8", ".globl hg_embedded_files", "hg_embedded_files:"]
lines += [f".quad path{i}, text{i}, end{i} - text{i}" for i in range(len(paths))]
lines += [".quad 0, 0, 0", ".section .rodata", ".balign 8", ".globl hg_embedded_count"]
lines += [f"hg_embedded_count: .quad {len(paths)}", '.section .note.GNU-stack,"",%progbits', ""]
text = "\n".join(lines)
try:
    with open(out) as f:
        same = f.read() == text
except OSError:
    same = False
if not same:
    with open(out, "w") as f:
        f.write(text)
with open(depfile, "w") as f:
    f.write(f"{out}: " + " ".join(os.path.join(root, p) for p in paths) + "\n")
