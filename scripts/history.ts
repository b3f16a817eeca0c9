import type { Flaw } from '../services/password-service/src/history/chain.ts'
import { databaseUrlOf, verifyHistory } from '../services/password-service/src/history/verification.ts'

const usage = `Usage:
  npm run history -- verify    walk every customer's chain of password changes, and name the first record that does
                               not hold. DATABASE_URL, or the file that REKEY_SECRETS_FILE names, says which database.`

/** What an auditor is told of a record that does not hold. */
const meanings: Record<Flaw, string> = {
  digest: 'its digest is not that of what it says now: it was changed, or moved here',
  'previous digest':
    'its previous digest is not the digest of the record before it: one was removed, added or replaced',
  order: 'its time is before that of the record before it',
}

const progressEveryMs = 2_000

const count = (number: number) => number.toLocaleString('en-GB')

/** @returns whether every record holds */
const verify = async (): Promise<boolean> => {
  let toldAt = performance.now()
  const { records, customers, fault } = await verifyHistory(databaseUrlOf(process.env), (progress) => {
    if (performance.now() - toldAt < progressEveryMs) return
    toldAt = performance.now()
    console.error(`${count(progress.records)} of ${count(progress.total)} records`)
  })
  if (!fault) {
    console.log(`${count(records)} records of ${count(customers)} customers hold.`)
    return true
  }
  const { customerId, changeId, flaw } = fault
  console.error(`${count(records)} records hold.`)
  console.error(`Record ${changeId} of customer ${customerId} does not hold (${flaw}): ${meanings[flaw]}.`)
  return false
}

try {
  const [command, ...rest] = process.argv.slice(2)
  if (command !== 'verify' || rest.length > 0) throw new Error(usage)
  if (!(await verify())) process.exitCode = 1
} catch (error) {
  console.error((error as Error).message)
  process.exitCode = 1
}
