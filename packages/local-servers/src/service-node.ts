import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

const services = join(import.meta.dirname, '../../../services')

/** The arguments of Node for a service: its file `node-arguments`, which its image uses too. */
export const nodeArguments = (service: string): string[] => {
  const file = join(services, service, 'node-arguments')
  return existsSync(file) ? readFileSync(file, 'utf8').trim().split(' ') : []
}

/** The C library keeps freed memory for at most two arenas, not for each thread. */
export const nodeVariables = { MALLOC_ARENA_MAX: '2' }
