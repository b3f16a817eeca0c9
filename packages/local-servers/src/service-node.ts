import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

const services = join(import.meta.dirname, '../../../services')

/** The arguments of Node for a service: its file `node-arguments`, which its image uses too. */
export const nodeArguments = (service: string): string[] => {
  const file = join(services, service, 'node-arguments')
  return existsSync(file) ? readFileSync(file, 'utf8').trim().split(' ') : []
}

/** Where Node keeps compiled modules between starts. */
export const compileCache = join(import.meta.dirname, '../../../node_modules/.rekey-compile-cache')

/**
 * The variables of Node for a service, as its image has them. The C library keeps freed memory for at most two arenas, not
 * for each thread. With compiled modules a service starts faster, and has no compiler of TypeScript in memory.
 */
export const nodeVariables = { MALLOC_ARENA_MAX: '2', NODE_COMPILE_CACHE: compileCache }
