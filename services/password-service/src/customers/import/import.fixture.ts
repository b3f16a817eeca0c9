import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { systemRandom } from '@rekey/platform/random'
import { startPasswordService } from '@rekey/test-support/password-service'
import type { Test } from 'tap'
import { openImport } from '../../import-customers.ts'
import type { ImportError } from './import-errors-file.ts'
import { type FormatName, openSource } from './source.ts'

export interface Options {
  format?: FormatName
  again?: boolean
  /** Stops the import after this many batches. */
  stopAfter?: number
  /** False: the import has no key of factors. */
  withFactorKey?: boolean
}

export const ndjson = (...records: object[]) => records.map((record) => `${JSON.stringify(record)}\n`).join('')
export const newCode = () => `I${systemRandom.id()}`
export const newEmail = () => `${systemRandom.id()}@example.com`
export const confirmed = (value: string) => ({ value, verified: true })

type Service = Pick<Awaited<ReturnType<typeof startPasswordService>>, 'variables' | 'query'>

/** Imports files into the database of a password-service. */
export const importsInto = (t: Test, service: Service) => {
  const dir = mkdtempSync(join(tmpdir(), 'rekey-import-'))
  t.teardown(() => rmSync(dir, { recursive: true, force: true }))

  const importFile = async (
    path: string,
    { format = 'ndjson', again = false, stopAfter, withFactorKey = true }: Options = {},
  ) => {
    const stop = new AbortController()
    const errorsPath = `${path}.refused.ndjson`
    const source = await openSource(path, format)
    const { DATABASE_URL, REKEY_SECRETS_FILE } = service.variables
    const customers = await openImport({ DATABASE_URL, ...(withFactorKey && { REKEY_SECRETS_FILE }) })
    let kind: string | undefined
    let batches = 0
    try {
      const { reasons, ...result } = await customers.run(
        { source, fileName: path, errorsPath, again, signal: stop.signal },
        {
          begins: (beginning) => {
            kind = beginning.kind
          },
          progressed: () => {
            batches += 1
            if (batches === stopAfter) stop.abort()
          },
        },
      )
      const errorsText = existsSync(errorsPath) ? readFileSync(errorsPath, 'utf8') : ''
      const errors = errorsText
        .split('\n')
        .filter(Boolean)
        .map((line): ImportError => JSON.parse(line))
      return { ...result, kind, reasons: Object.fromEntries(reasons), errors, errorsText, errorsPath }
    } finally {
      await customers.close()
      await source.close()
    }
  }
  const fileOf = (content: string | Buffer) => {
    const path = join(dir, systemRandom.id())
    writeFileSync(path, content)
    return path
  }
  return {
    dir,
    importFile,
    fileOf,
    importText: (content: string | Buffer, options?: Options) => importFile(fileOf(content), options),
    customerOf: async (code: string) => {
      const [row] = await service.query(
        `SELECT c.locale, c.timezone, k.hash,
                array(SELECT value || CASE WHEN verified_at IS NULL THEN ' unconfirmed' ELSE '' END
                      FROM identifier WHERE customer_id = c.id ORDER BY id) AS addresses
         FROM customer c LEFT JOIN credential k ON k.customer_id = c.id WHERE c.code = $1`,
        [code],
      )
      return row
    },
  }
}

/** Starts a password-service, and imports files into its database. */
export const startImports = async (t: Test) => {
  const service = await startPasswordService(t)
  return { service, ...importsInto(t, service) }
}
