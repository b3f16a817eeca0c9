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
export type Thing = keyof typeof things

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
}

const names = Object.keys(things) as Thing[]
export const singles: readonly Theft[] = names.map((thing) => [thing])
export const pairs: readonly Theft[] = names.flatMap((one, index) =>
  names.slice(index + 1).map((other) => [one, other]),
)
const columns = (Object.keys(persons) as Person[]).flatMap((person) => policies.map((policy) => ({ person, policy })))

export const cellsOf = (thefts: readonly Theft[]): Cell[] =>
  thefts.flatMap((theft) => columns.map((column) => ({ theft, ...column })))

/** Names a cell in takeover-cells.json. */
export const nameOf = ({ theft, person, policy }: Cell): string => `${theft.join(' + ')}, ${person}, ${policy}`

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
export const isGoal = ({ theft, person, policy }: Cell): boolean =>
  theft.length === 1 && persons[person].length > 1 && policy !== 'enrolled'

const shown = { waits: 'waits', 'after the hold': 'after the hold', 'gets in': '**gets in**' } as const
const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`

const tableOf = (thefts: readonly Theft[], stored: Stored, noteOf: (way: Way) => number) => {
  const cell = (name: string) => {
    const value = stored[name]
    if (value === undefined) return '–'
    const [outcome, way] = value.split(': ') as [keyof typeof shown, Way]
    return `${shown[outcome]} (${noteOf(way)})`
  }
  const stolen = (theft: Theft) => theft.map((thing) => things[thing]).join(' + ')
  return [
    line(['stolen', ...columns.map(({ person, policy }) => `${person}: \`${policy}\``)]),
    line(['---', ...columns.map(() => '---')]),
    ...thefts.map((theft) => line([stolen(theft), ...columns.map((column) => cell(nameOf({ theft, ...column })))])),
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

${tableOf(singles, stored, noteOf)}

### Two things

${tableOf(pairs, stored, noteOf)}

Why these succeed:

${used.map((way) => `${noteOf(way)}. ${ways[way]}`).join('\n')}`
}
