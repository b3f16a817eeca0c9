import { basename, extname, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { type FormatName, formats } from '../../services/password-service/src/customers/import/source.ts'

export const usage = `npm run customers -- import FILE [OPTIONS]: takes in customers from a file, or goes on where that was interrupted.

  --format ndjson|csv   how the file is written; by default as its name ends
  --refused FILE        where lines that were refused are written; by default FILE.refused.ndjson
  --again               take in once more a file that was taken in before
  --help                show this

The database is the one of DATABASE_URL, from the environment or the file that REKEY_SECRETS_FILE names.
Exit code: 0 all taken, 2 some lines refused, 130 interrupted, 1 anything else.
The formats are described in docs/operations.md.`

/** What `npm run customers` was asked for. */
export interface Settings {
  path: string
  /** By which a changed file is known again. */
  fileName: string
  format: FormatName
  refusedPath: string
  again: boolean
}

const endings: Record<string, FormatName> = { '.ndjson': 'ndjson', '.jsonl': 'ndjson', '.csv': 'csv' }

const readFormat = (format: string | undefined, path: string): FormatName => {
  if (format === undefined) {
    const ending = endings[extname(path).toLowerCase()]
    if (!ending) throw new Error(`--format is missing: the name ${basename(path)} does not tell. See --help.`)
    return ending
  }
  const known = formats.find((name) => name === format)
  if (!known) throw new Error(`--format must be one of ${formats.join(', ')}. See --help.`)
  return known
}

/**
 * Reads the command line.
 * @returns undefined where help was asked for
 * @throws Error in one line, for whoever typed it.
 */
export const readSettings = (args: string[]): Settings | undefined => {
  const { positionals, values } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      format: { type: 'string' },
      refused: { type: 'string' },
      again: { type: 'boolean' },
      help: { type: 'boolean', short: 'h' },
    },
  })
  if (values.help) return undefined
  const [command, path, ...rest] = positionals
  if (command !== 'import' || !path || rest.length > 0) throw new Error(usage)
  const fileName = resolve(path)
  const refusedPath = resolve(values.refused ?? `${path}.refused.ndjson`)
  if (refusedPath === fileName) throw new Error('--refused names the very file that is to be read.')
  return { path, fileName, format: readFormat(values.format, path), refusedPath, again: values.again ?? false }
}
