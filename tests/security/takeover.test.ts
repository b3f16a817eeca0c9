import { createHmac, randomUUID } from 'node:crypto'
import { restoreGrant, signInTokens } from '@rekey/test-support/flows'
import t from 'tap'
import {
  cellsOf,
  endOfWaitCells,
  endsOfWaits,
  nameOf,
  persons,
  policies,
  readStored,
  singles,
  toStored,
} from '../../scripts/docs/takeover-table.ts'
import { startTable } from './takeover/play.ts'
import { crack, stringsIn, useStrings } from './takeover/replay.ts'
import { createThief } from './takeover/thief.ts'
import type { Victim } from './takeover/victims.ts'

// Plays a sample of the takeover table of docs/security.md. takeover.proof.ts plays every cell.

const stored = readStored()
const { play, scene } = await startTable(t)
/** Under `known` each theft from one kind of customer in turn, under the other rules those that lead to something else. */
const kinds = Object.keys(persons)
const cells = cellsOf(singles).filter((cell) =>
  cell.policy === 'known'
    ? cell.person === kinds[singles.indexOf(cell.theft) % kinds.length]
    : stored[nameOf(cell)] !== stored[nameOf({ ...cell, policy: 'known' })],
)
/** Ends of waits by staff under `known`: each theft from one kind of customer, and those that lead to something from all. */
const waitCells = endOfWaitCells.filter(
  (cell) =>
    cell.policy === 'known' &&
    (stored[nameOf(cell)] !== undefined ||
      cell.person === kinds[1 + (endsOfWaits.indexOf(cell.theft) % (kinds.length - 1))]),
)

t.test('a token in a dump would be used: what the table says of dumps is not the failure of the attempt', async (t) => {
  const { rekey, victims } = scene
  const before = { isSignedIn: false, isActive: false }
  const tokens = {
    'a grant': async (victim: Victim) => restoreGrant(rekey, victim),
    'an access token': async (victim: Victim) => (await signInTokens(rekey, victim)).access_token,
    'a refresh token': async (victim: Victim) => (await signInTokens(rekey, victim)).refresh_token,
  }
  for (const [name, tokenOf] of Object.entries(tokens)) {
    const victim = await victims.create('mail', before)
    const thief = createThief(rekey, ['mailbox', 'password'], victim)
    await useStrings(thief, scene, stringsIn(`(1,${await tokenOf(victim)},"{}")`))
    t.equal(await thief.getIn(), 'replayed', name)
  }
})

t.test('a code would be guessed offline if a dump had its key', async (t) => {
  const key = 'a key that is in the dump'
  const stored = (code: string) => {
    const challengeId = randomUUID()
    return { challengeId, code, mac: createHmac('sha256', key).update(`${challengeId}.${code}`).digest('base64url') }
  }
  const [own, other] = [stored('516538'), stored('000042')]
  t.equal(crack(own, other, ['another string', key]), '000042')
  t.equal(crack(own, other, ['another string']), undefined)
})

for (const policy of policies) {
  t.test(
    `S53: ${policy}: thefts of one thing, and ends of waits by staff, lead to what docs/security.md says`,
    async (t) => {
      const results = await play(policy, [...cells, ...waitCells])
      const names = new Set([...cells, ...waitCells].filter((cell) => cell.policy === policy).map(nameOf))
      t.same(toStored(results), Object.fromEntries(Object.entries(stored).filter(([name]) => names.has(name))))
    },
  )
}
