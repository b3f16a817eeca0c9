import type { InvalidRecord } from '../services/password-service/src/history/chain.ts'
import { databaseUrlOf, verifyHistory } from '../services/password-service/src/history/verification.ts'

const usage = `Usage:
  npm run history -- verify    verifies every customer's chain of password changes, and names the first invalid record.
                               Reads DATABASE_URL from the environment or from the file REKEY_SECRETS_FILE.`

/** Explains an invalid record to an auditor. */
const meanings: Record<InvalidRecord['flaw'], string> = {
  digest: 'its digest does not match its content: the record was changed or moved',
  'previous digest':
    'its previous digest is not the digest of the record before it: a record was deleted, added or replaced',
  order:
    'its time is earlier than that of the record before it, or it is older than what was deleted because of its age',
  'entry missing': 'history_entry has no number for it: pages of this history and its total leave it out',
  'entry extra': 'history_entry numbers it, but there is no such record of this customer, or a number is given twice',
  'entry order': 'history_entry skips a number before it',
}

const progressEveryMs = 2_000

const count = (number: number) => number.toLocaleString('en-GB')

/** @returns true if every record is valid */
const verify = async (): Promise<boolean> => {
  let printedAtMs = performance.now()
  const { records, customers, invalid } = await verifyHistory(databaseUrlOf(process.env), (progress) => {
    if (performance.now() - printedAtMs < progressEveryMs) return
    printedAtMs = performance.now()
    console.error(`${count(progress.records)} of ${count(progress.total)} records`)
  })
  if (!invalid) {
    console.log(`${count(records)} records of ${count(customers)} customers are valid.`)
    return true
  }
  const { customerId, changeId, flaw } = invalid
  console.error(`${count(records)} records are valid.`)
  console.error(`Record ${changeId} of customer ${customerId} is invalid (${flaw}): ${meanings[flaw]}.`)
  return false
}

try {
  const [command, ...rest] = process.argv.slice(2)
  if (command === '--help') console.log(usage)
  else if (command !== 'verify' || rest.length > 0) throw new Error(usage)
  else if (!(await verify())) process.exitCode = 1
} catch (error) {
  console.error((error as Error).message)
  process.exitCode = 1
}
