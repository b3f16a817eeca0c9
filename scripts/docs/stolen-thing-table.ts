/**
 * The words of a cell. `told`: each confirmed address got a notification with the link "it was not me". `held`: a recovery
 * hold lasts. `reached`: neither.
 */
export type Word = 'nothing' | 'told' | 'told and held' | 'reached'

/** Columns: the goals of a thief. */
export const columns = {
  restoreCode: 'a code to restore',
  newPassword: 'a new password',
  signIn: 'a sign-in with it, while the hold lasts',
  signInLater: 'a sign-in with it, after the hold',
  change: 'a change (B1)',
  history: 'the history',
  withdrawal: 'a withdrawal without a hold',
  endOfHold: 'an end of a hold',
  elsewhere: 'a message to an address that the thief does not read',
} as const

export type Column = keyof typeof columns

export type Stolen = 'mailbox' | 'phone number' | 'open session' | 'member of staff' | 'personal data' | 'Redis'

/** One stolen thing, and what it reaches: tests/security/stolen-thing/ plays each cell. */
export interface Row {
  stolen: Stolen
  /** Confirmed addresses of the customer. */
  channels: readonly ('email' | 'phone')[]
  fourEyes?: boolean
  /** The mailbox replaced another one within REKEY_NEW_ADDRESS_HOURS. */
  young?: boolean
  cells: Record<Column, Word>
}

const nothing: Record<Column, Word> = {
  restoreCode: 'nothing',
  newPassword: 'nothing',
  signIn: 'nothing',
  signInLater: 'nothing',
  change: 'nothing',
  history: 'nothing',
  withdrawal: 'nothing',
  endOfHold: 'nothing',
  elsewhere: 'nothing',
}
/** The only address of a customer. */
const onlyAddress: Record<Column, Word> = {
  ...nothing,
  restoreCode: 'reached',
  newPassword: 'told and held',
  signIn: 'told and held',
  signInLater: 'told',
  change: 'told and held',
  history: 'told and held',
}
const oneOfTwo: Record<Column, Word> = {
  ...nothing,
  restoreCode: 'reached',
  newPassword: 'told and held',
  signInLater: 'told',
  elsewhere: 'told',
}
const session: Record<Column, Word> = { ...nothing, history: 'reached', withdrawal: 'reached', elsewhere: 'told' }
const codesOnly: Record<Column, Word> = { ...nothing, elsewhere: 'told' }

const mail = ['email'] as const
const phone = ['phone'] as const
const both = ['email', 'phone'] as const

export const rows: readonly Row[] = [
  { stolen: 'mailbox', channels: mail, cells: onlyAddress },
  { stolen: 'mailbox', channels: mail, young: true, cells: { ...onlyAddress, elsewhere: 'told' } },
  { stolen: 'mailbox', channels: both, cells: oneOfTwo },
  { stolen: 'phone number', channels: phone, cells: onlyAddress },
  { stolen: 'phone number', channels: both, cells: oneOfTwo },
  { stolen: 'open session', channels: mail, cells: session },
  { stolen: 'open session', channels: both, cells: session },
  {
    stolen: 'member of staff',
    channels: both,
    fourEyes: false,
    cells: { ...nothing, newPassword: 'told and held', history: 'reached', endOfHold: 'told', elsewhere: 'told' },
  },
  { stolen: 'member of staff', channels: both, fourEyes: true, cells: { ...nothing, history: 'reached' } },
  { stolen: 'personal data', channels: mail, cells: codesOnly },
  { stolen: 'personal data', channels: both, cells: codesOnly },
  { stolen: 'Redis', channels: mail, cells: codesOnly },
  { stolen: 'Redis', channels: both, cells: codesOnly },
]

const names: Record<Stolen, string> = {
  mailbox: 'the mailbox',
  'phone number': 'the phone number',
  'open session': 'an open session',
  'member of staff': 'one member of staff',
  'personal data': 'the personal data: names, addresses, ids',
  Redis: 'write access to Redis',
}
const channelNames = { email: 'mail', phone: 'SMS' }

/** The stolen thing, and whose it is. */
export const nameOf = ({ stolen, channels, fourEyes, young }: Row): string => {
  const owner = `customer with ${channels.map((channel) => channelNames[channel]).join(' and ')}${channels.length === 1 ? ' only' : ''}`
  const detail = [
    ...(fourEyes === undefined ? [] : [`four eyes ${fourEyes ? 'on' : 'off'}`]),
    ...(young ? ['young address'] : []),
  ]
  return [names[stolen], owner, ...detail].join(', ')
}

const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`
const heads = Object.keys(columns) as Column[]

/** The table as Markdown. */
export const stolenThingTable = (): string =>
  [
    line(['stolen', ...Object.values(columns)]),
    line(['---', ...heads.map(() => '---')]),
    ...rows.map((row) => line([nameOf(row), ...heads.map((column) => row.cells[column])])),
  ].join('\n')

/** The section of docs/security.md. */
export const stolenThingSection = (): string => `## One stolen thing

What else a thief of one thing reaches, under \`enrolled\`, from customers without an authenticator app.
[tests/security/stolen-thing.proof.ts](../tests/security/stolen-thing.proof.ts) plays each cell on a customer of its own,
[stolen-thing.test.ts](../tests/security/stolen-thing.test.ts) each row, and each word of each stolen thing and of each goal.

- **told**: each confirmed address, and one that was replaced within 72 hours, got a notification with the link "it was
  not me".
- **held**: a recovery hold lasts, in which the platform should pay out nothing.
- **reached**: neither told nor held.

${stolenThingTable()}

What still succeeds:

- A reader of the only mailbox, or a holder of the only phone number, restores, signs in, changes the password and reads
  the history: told and held. No other address is told, unless this one is young: then the former one is.
- A reader of one of two channels sets a new password, and signs in once the hold has ended, if the customer does not
  follow the link in the notification to the other channel.
- An open session reads the history and may ask for withdrawals until it ends: it has no hold. A change needs a code and
  the current password.
- One member of staff reads the history. Without four eyes they also set a temporary password (told and held) and end a
  hold (told). Signing in with that password fails, because the code goes to the customer.
- A writer of Redis reaches no token by changed records. Deleted counts and restored records are described in
  [SECURITY.md](../SECURITY.md#what-still-succeeds-and-is-accepted).`
