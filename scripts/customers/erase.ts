import type { Erased } from '../../services/password-service/src/erasure/erase-customer.ts'
import { openErasure } from '../../services/password-service/src/erasure/open-erasure.ts'
import type { EraseSettings } from './settings.ts'

const describe = ({ customerId, records, deleted }: Erased, { code, dryRun }: EraseSettings): string => {
  const tables = Object.entries(deleted).filter(([, rows]) => rows > 0)
  return [
    dryRun ? `Customer ${code} (id ${customerId}) would be erased:` : `Customer ${code} (id ${customerId}) is erased:`,
    ...tables.map(([table, rows]) => `  ${String(rows).padStart(7)}  rows of ${table} deleted`),
    `  ${String(records).padStart(7)}  history records kept, without what identifies a person`,
    ...(dryRun ? ['Nothing was changed.'] : ['Listeners learn it by the event account.erased.']),
  ].join('\n')
}

/**
 * Erases a customer and prints what was deleted.
 *
 * @returns false if there is no such customer
 * @throws ConfigError, RekeyError unavailable
 */
export const eraseOne = async (settings: EraseSettings): Promise<boolean> => {
  const { code, reason, dryRun, json } = settings
  const erasure = openErasure(process.env)
  try {
    const erased = await erasure.erase({ customer: { code }, reason, dryRun })
    if (json) console.log(JSON.stringify(erased ? { found: true, erased: !dryRun, ...erased } : { found: false }))
    else if (erased) console.log(describe(erased, settings))
    else console.error(`There is no customer ${code}: it was erased before, or never existed.`)
    if (erased && !dryRun && !erasure.namesUsernames) {
      console.error(
        'REKEY_USERNAME_SEAL_KEY is not set: what the gateway counts under the usernames is not deleted now, and expires ' +
          'within 90 days.',
      )
    }
    return erased !== undefined
  } finally {
    await erasure.close()
  }
}
