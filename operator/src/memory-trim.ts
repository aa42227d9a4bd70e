/** glibc's own way to give pages back that are free in the middle of its heap (malloc_trim(3)); by itself it only gives back the end of it. */
import type { Logger } from 'kube-runtime';
import { z } from 'zod';

const ffi = z.object({ dlopen: z.custom<(path: string, symbols: object) => unknown>((it) => typeof it === 'function') });
const library = z.object({ functions: z.object({ malloc_trim: z.custom<(keep: bigint) => number>((it) => typeof it === 'function') }) });

/**
 * Undefined on a Node without `node:ffi`, or on another C library: then the process takes more memory, and nothing else is different.
 * That API is experimental, so what it gives is looked at before it is used.
 */
export function memoryTrim(log: Logger): (() => void) | undefined {
  try {
    const { dlopen } = ffi.parse(process.getBuiltinModule('node:ffi'));
    const { functions } = library.parse(dlopen('libc.so.6', { malloc_trim: { arguments: ['u64'], return: 'i32' } }));
    return () => void functions.malloc_trim(0n);
  } catch (error) {
    log.info({ why: error instanceof Error ? error.message : String(error) }, 'Freed memory is left to the C library');
    return undefined;
  }
}
