import { readFileSync } from 'node:fs'
import { join } from 'node:path'

/** Things that a thief can have. Every thief also knows the customer's names, addresses and ids. */
export const things = {
  mailbox: 'the mailbox',
  sim: 'the SIM',
  phone: 'the unlocked phone: SMS, authenticator app and passkey',
  password: 'the password',
  session: 'an open session',
  staff: 'one member of staff',
  data: 'personal data',
  redis: 'a dump of Redis',
  postgres: 'a dump of Postgres',
  nats: 'a dump of NATS',
  redisWriter: 'write access to Redis',
} as const
/** Things that only add to a member of staff: they are in the table of ends of waits alone. */
const staffThings = {
  secondStaff: 'another member of staff',
  readOut: 'a code that the customer reads out to the staff',
} as const
export type Thing = keyof typeof things | keyof typeof staffThings

/** Customers, by their methods. */
export const persons = {
  mail: ['email'],
  'mail and SMS': ['email', 'sms'],
  'mail and TOTP': ['email', 'totp'],
  'mail and passkey': ['email', 'passkey'],
} as const
export type Person = keyof typeof persons

/** Values of REKEY_RESTORE_PROOFS. */
export const policies = ['enrolled', 'known', 'two'] as const
export type Policy = (typeof policies)[number]

/**
 * The outcomes of a theft, the worst last. `waits`: a new password that the customer can veto before it is set.
 * `after the hold`: a new password is set and told, and signs in once the recovery hold has ended.
 */
export const outcomes = ['nothing', 'waits', 'after the hold', 'gets in'] as const
export type Outcome = (typeof outcomes)[number]

/** Why a theft succeeds, by the way that the thief took. */
export const ways = {
  restore: 'The thief has every proof that the rule asks for, and one for the sign-in.',
  held: 'One code restores under this rule. During the hold sign-in needs the other channel. The customer is told there, and can report it by the link.',
  change: 'The thief reads the code of a sign-in or of a change, and knows the current password.',
  addedApp:
    'The only method proves a new authenticator app, which is then the second proof: the customer has no older one. Every address is told of the new app.',
  staffHold:
    'The staff end the hold of a restore, in which sign-in needs the other channel. Every address is told. Four eyes (`REKEY_BACK_OFFICE_FOUR_EYES=true`) need a second member of staff.',
  staffReset:
    'The staff remove the second factors, and one method is left. Every address is told. Four eyes need a second member of staff.',
  staffPassword:
    'The staff set a temporary password, and the thief reads the code of the sign-in. Every address is told. Four eyes need a second member of staff.',
  endedWait:
    'One member of staff verifies the customer by another method than the one that opened the restore, and another approves the end of the wait. Then the staff end the hold. The thief has both methods and needs no staff, or the customer reads the code out to staff who say the right words. Every address is told; the link in the message stops the restore until the password is set.',
  unavailable:
    'The thief says that the second proof is lost, and restores by one proof after the wait of a day. Every address is told three times before. The link in any of these messages, or any sign-in of the customer, stops it.',
  guessed:
    'A writer of Redis resets the counts of wrong codes at sign-in and at changes, and so guesses a code of six digits within its life. Wrong codes of restores are counted in Postgres too.',
  temporary: 'The thief reads the code of the restore, and the message with the temporary password.',
  replayed: 'Something in a dump is accepted as a code or token.',
  forged: 'A changed record in Redis is accepted.',
} as const
export type Way = keyof typeof ways

export type Result = { outcome: 'nothing' } | { outcome: Exclude<Outcome, 'nothing'>; way: Way }

/** One or two things, in the order of `things`. */
export type Theft = readonly Thing[]
export interface Cell {
  theft: Theft
  person: Person
  policy: Policy
  /** The only way that is tried. Absent: all are. */
  only?: 'endedWait'
}

const names = Object.keys(things) as Thing[]
export const singles: readonly Theft[] = names.map((thing) => [thing])
export const pairs: readonly Theft[] = names.flatMap((one, index) =>
  names.slice(index + 1).map((other) => [one, other]),
)
const columns = (Object.keys(persons) as Person[]).flatMap((person) => policies.map((policy) => ({ person, policy })))

export const cellsOf = (thefts: readonly Theft[]): Cell[] =>
  thefts.flatMap((theft) => columns.map((column) => ({ theft, ...column })))

/** Thefts with one and two members of staff who only end a wait (C12). */
export const endsOfWaits: readonly Theft[] = [['staff'] as const, ['staff', 'secondStaff'] as const].flatMap((staff) =>
  [
    [],
    ['mailbox'],
    ['sim'],
    ['phone'],
    ['readOut'],
    ['mailbox', 'readOut'],
    ['sim', 'readOut'],
    ['mailbox', 'phone'],
  ].map((others) => [...staff, ...(others as Thing[])]),
)
/** Where a restore by one proof waits. */
const waitingColumns = columns.filter(
  ({ person, policy }) => person !== 'mail' && !(person === 'mail and SMS' && policy === 'enrolled'),
)
export const endOfWaitCells: readonly Cell[] = endsOfWaits.flatMap((theft) =>
  waitingColumns.map((column) => ({ theft, ...column, only: 'endedWait' as const })),
)

/** Names a cell in takeover-cells.json. */
export const nameOf = ({ theft, person, policy, only }: Cell): string =>
  `${only === undefined ? '' : `${only}: `}${theft.join(' + ')}, ${person}, ${policy}`

/** The cells that lead to something, as the proof stores them; every other one leads to nothing. */
export type Stored = Record<string, `${Exclude<Outcome, 'nothing'>}: ${Way}`>

/** File that the proof writes. */
export const cellsFile = join(import.meta.dirname, 'takeover-cells.json')
export const readStored = (): Stored => JSON.parse(readFileSync(cellsFile, 'utf8'))

export const toStored = (results: ReadonlyMap<Cell, Result>): Stored =>
  Object.fromEntries(
    [...results].flatMap(([cell, result]) =>
      result.outcome === 'nothing' ? [] : [[nameOf(cell), `${result.outcome}: ${result.way}` as const]],
    ),
  )

/** True if the cell must lead to nothing but what the customer can veto (S53). */
export const isGoal = ({ theft, person, policy, only }: Cell): boolean =>
  only === undefined && theft.length === 1 && persons[person].length > 1 && policy !== 'enrolled'

const shown = { waits: 'waits', 'after the hold': 'after the hold', 'gets in': '**gets in**' } as const
const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`

/** A table of cells that are listed theft by theft. */
const tableOf = (cells: readonly Cell[], stored: Stored, noteOf: (way: Way) => number) => {
  const shownIn = (cell: Cell) => {
    const value = stored[nameOf(cell)]
    if (value === undefined) return '–'
    const [outcome, way] = value.split(': ') as [keyof typeof shown, Way]
    return `${shown[outcome]} (${noteOf(way)})`
  }
  const stolen = (theft: Theft) => theft.map((thing) => ({ ...things, ...staffThings })[thing]).join(' + ')
  const rows = [...Map.groupBy(cells, ({ theft }) => theft)]
  const heads = rows[0]?.[1].map(({ person, policy }) => `${person}: \`${policy}\``) ?? []
  return [
    line(['stolen', ...heads]),
    line(['---', ...heads.map(() => '---')]),
    ...rows.map(([theft, row]) => line([stolen(theft), ...row.map(shownIn)])),
  ].join('\n')
}

/** The section of docs/security.md. */
export const takeoverSection = (stored = readStored()): string => {
  const used = (Object.keys(ways) as Way[]).filter((way) =>
    Object.values(stored).some((value) => value.endsWith(`: ${way}`)),
  )
  const noteOf = (way: Way) => used.indexOf(way) + 1
  return `## The takeover table

Which thefts lead to a new password that signs in, for customers with mail, mail and SMS, mail and an authenticator
app, or mail and a passkey, by \`REKEY_RESTORE_PROOFS\`. Every thief knows the customer's names, addresses and ids. Four eyes are off.
None of the things changes an address: only the platform's own services do, by RPC.
[tests/security/takeover.proof.ts](../tests/security/takeover.proof.ts) plays each cell on customers of its own, tries every
way that the stolen things allow, and signs in with the new password. A cell whose second thing adds nothing, such as the
SIM of a customer without SMS, is that of the other thing alone. It fails if this table is not what it saw;
\`REKEY_WRITE_TAKEOVER=true\` makes it write the cells, and \`npm run docs\` this page.
[takeover.test.ts](../tests/security/takeover.test.ts) plays a sample.

- **gets in**: a new password signs in at once.
- **after the hold**: a new password is set. It signs in once the recovery hold has ended, unless the customer followed the
  link "it was not me".
- **waits**: a new password can be set after a wait of a day, in which the customer is told and can stop it.
- **–**: nothing.

One thing never leads to a new password that gets in for a customer with two methods under \`known\` or \`two\`
([S53](#s53)).

### One thing

${tableOf(cellsOf(singles), stored, noteOf)}

### Two things

${tableOf(cellsOf(pairs), stored, noteOf)}

### The early end of a wait

Members of staff who only end the wait of a restore ([C12](factors.md#when-one-proof-of-two-is-gone-a-waiting-restore)) and
the hold after it: the tables above have their other acts. The thief opened the restore; if the thief reads no address, the
customer did. Columns in which no restore waits are left out.

${tableOf(endOfWaitCells, stored, noteOf)}

One member of staff ended the wait in no cell of any table: C12 needs a second person in every configuration. Two members end
it only with a code of another method than the one that opened the restore, and set no password without that one. Customers
with mail and a passkey have no such code: staff cannot verify a caller by a passkey.

Why these succeed:

${used.map((way) => `${noteOf(way)}. ${ways[way]}`).join('\n')}`
}
