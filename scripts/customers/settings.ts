import { basename, extname, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { CustomerCode, CustomersErase } from '@rekey/contracts'
import { Value } from '@sinclair/typebox/value'
import { type FormatName, formats } from '../../services/password-service/src/customers/import/source.ts'
import { systemNames } from './convert/convert.ts'

export const usage = `npm run customers -- import FILE [OPTIONS]: imports customers from a file, or resumes an interrupted import.
npm run customers -- convert SYSTEM EXPORT FILE.ndjson: converts the export of another system to a file for import.
  SYSTEM is one of ${systemNames.join(', ')}: docs/migration.md
npm run customers -- erase CUSTOMER --reason TEXT: erases the customer of this code. The history stays without what
  identifies a person. It cannot be undone: docs/operations.md

  --parameters FILE     hash parameters of Firebase
  --format ndjson|csv   format of the file; by default from the ending of its name
  --refused FILE        file for refused lines and their reasons; by default FILE.refused.ndjson
  --again               import a file again that was imported before
  --reason TEXT         why the customer is erased; kept for ever, so without personal data
  --dry-run             erase nothing, and print what would be erased
  --json                print the result of erase as JSON
  --help                print this

Reads DATABASE_URL, REKEY_PASSWORD_PEPPERS, REKEY_FACTOR_SEAL_KEY and REKEY_SMTPUTF8 from the environment or from the file REKEY_SECRETS_FILE;
erase reads DATABASE_URL and REKEY_USERNAME_SEAL_KEY, which the password-service's file of secrets has.
Exit code: 0 all lines imported, or erased; 2 some lines refused, or no such customer; 130 interrupted; 1 any other failure.
The formats are described in docs/operations.md.`

/** The command line of `npm run customers -- convert`. */
export interface ConvertSettings {
  command: 'convert'
  system: string
  from: string
  to: string
  /** File of Firebase's hash parameters. */
  parameters: string | undefined
}

/** The command line of `npm run customers -- erase`. */
export interface EraseSettings {
  command: 'erase'
  code: string
  reason: string
  dryRun: boolean
  json: boolean
}

/** The command line of `npm run customers -- import`. */
export interface ImportSettings {
  command: 'import'
  path: string
  /** Finds the earlier import of a file whose content has changed. */
  fileName: string
  format: FormatName
  /** Path of the import errors file. */
  errorsPath: string
  again: boolean
}

const endings: Record<string, FormatName> = { '.ndjson': 'ndjson', '.jsonl': 'ndjson', '.csv': 'csv' }

const readFormat = (format: string | undefined, path: string): FormatName => {
  if (format === undefined) {
    const ending = endings[extname(path).toLowerCase()]
    if (!ending)
      throw new Error(`--format is missing: ${basename(path)} does not end in .ndjson, .jsonl or .csv. See --help.`)
    return ending
  }
  const found = formats.find((name) => name === format)
  if (!found) throw new Error(`--format must be one of ${formats.join(', ')}. See --help.`)
  return found
}

const readConvert = ([system, from, to, ...rest]: string[], parameters: string | undefined): ConvertSettings => {
  if (!system || !from || !to || rest.length > 0) throw new Error(usage)
  if (!systemNames.includes(system)) throw new Error(`SYSTEM must be one of ${systemNames.join(', ')}. See --help.`)
  if (!to.endsWith('.ndjson')) throw new Error('The target must end in .ndjson. See --help.')
  if (resolve(from) === resolve(to)) throw new Error('The target is the export: name another file.')
  return { command: 'convert', system, from, to, parameters }
}

interface EraseOptions {
  reason?: string | undefined
  'dry-run'?: boolean | undefined
  json?: boolean | undefined
}

const readErase = ([code, ...rest]: string[], options: EraseOptions): EraseSettings => {
  if (!code || rest.length > 0) throw new Error(usage)
  const { reason = '', 'dry-run': dryRun = false, json = false } = options
  if (!Value.Check(CustomerCode, code)) throw new Error('CUSTOMER is no code of a customer. See --help.')
  if (!Value.Check(CustomersErase.request.properties.reason, reason)) {
    throw new Error('--reason must have 1 to 500 characters on one line. See --help.')
  }
  return { command: 'erase', code, reason, dryRun, json }
}

/**
 * Reads the command line.
 *
 * @returns undefined for --help
 * @throws Error whose message says what is wrong
 */
export const readSettings = (args: string[]): ImportSettings | ConvertSettings | EraseSettings | undefined => {
  const { positionals, values } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      format: { type: 'string' },
      refused: { type: 'string' },
      parameters: { type: 'string' },
      again: { type: 'boolean' },
      reason: { type: 'string' },
      'dry-run': { type: 'boolean' },
      json: { type: 'boolean' },
      help: { type: 'boolean', short: 'h' },
    },
  })
  if (values.help) return undefined
  if (positionals[0] === 'convert') return readConvert(positionals.slice(1), values.parameters)
  if (positionals[0] === 'erase') return readErase(positionals.slice(1), values)
  const [command, path, ...rest] = positionals
  if (command !== 'import' || !path || rest.length > 0) throw new Error(usage)
  const fileName = resolve(path)
  const errorsPath = resolve(values.refused ?? `${path}.refused.ndjson`)
  if (errorsPath === fileName) throw new Error('--refused is the file to import: name another one.')
  return { command, path, fileName, format: readFormat(values.format, path), errorsPath, again: values.again ?? false }
}
