import { join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import { startRekey } from '@rekey/test-support/rekey'
import type { Test } from 'tap'
import {
  type Cell,
  nameOf,
  type Policy,
  type Result,
  type Thing,
  type Way,
} from '../../../scripts/docs/takeover-table.ts'
import { createWaiter } from '../../../services/auth-gateway/src/second-proofs/waiting-restores.fixture.ts'
import { type Attack, attacks, type Scene } from './attacks.ts'
import { noticeOverload } from './overload.ts'
import { clients } from './staff.ts'
import { createStores } from './stores.ts'
import { createThief, type Loot, lootOf, type Thief } from './thief.ts'
import { createVictims, outlineOf } from './victims.ts'

/** The longest hold: after a restore over a young address. */
const longestHoldMs = (24 + 72) * 3_600_000
/** Cells that are played at a time: most of a cell's time is the wait for messages. */
const atOnce = 6

/** Things that have what the customer did before the theft. */
const storeThings: ReadonlySet<Thing> = new Set(['redis', 'postgres', 'nats', 'redisWriter'])

/** How often an attack is played that met an overloaded product. */
const mostTimes = 10

/** A thief who played an attack, and got in or not. */
interface Played {
  thief: Thief
  attack: Attack
  way: Way | undefined
  overloads: () => number
}

/** Plays one attack on a customer of its own, and signs in. Again, on another customer, if the product was overloaded. */
const attackOnce = async ({ theft, person, only }: Cell, attack: Attack, scene: Scene): Promise<Played> => {
  const isActive = attack.needsActivity === true && theft.some((thing) => storeThings.has(thing))
  for (let time = 1; ; time += 1) {
    const { rekey, count: overloads } = noticeOverload(scene.rekey)
    const isFinal = () => overloads() === 0 || time === mostTimes
    try {
      const victims = createVictims(rekey)
      const victim = await victims.create(person, { isSignedIn: theft.includes('session'), isActive })
      const thief = createThief(rekey, theft, victim)
      await attack.play(thief, { ...scene, rekey, victims })
      if (only && (await createWaiter(rekey).stateOf(victim.id)) === undefined)
        throw new Error('no restore waited: the attempt proved nothing')
      const way = await thief.getIn()
      if (way || isFinal()) return { thief, attack, way, overloads }
    } catch (error) {
      if (isFinal()) throw error
    }
  }
}

/** Signs in, again if the product was overloaded. */
const getInLater = async ({ thief, overloads }: Played): Promise<Way | undefined> => {
  for (let time = 1; ; time += 1) {
    const before = overloads()
    const way = await thief.getIn()
    if (way || overloads() === before || time === mostTimes) return way
  }
}

/** The thing that alone gives a thief the same as several together, by what `partOf` looks at. */
const enoughOf = ({ theft, person }: Cell, partOf: (loot: Loot) => unknown): Thing | undefined => {
  if (theft.length === 1) return undefined
  const robbed = outlineOf(person)
  const all = partOf(lootOf(theft, robbed))
  return theft.find((thing) => isDeepStrictEqual(partOf(lootOf([thing], robbed)), all))
}

/** The cell of one thing that gives a thief the same: it is played instead. */
const equalOf = (cell: Cell, cells: readonly Cell[]): Cell | undefined => {
  const thing = enoughOf(cell, (loot) => loot)
  return thing && cells.find((other) => nameOf(other) === nameOf({ ...cell, theft: [thing] }))
}

/** What a replay of dumps uses. A dump with something else is replayed no other way than the dump alone. */
const usedByReplay = ({ stores, reads, apps, passkeys, password }: Loot) => [stores, reads, apps, passkeys, password]

/** Plays the attacks of a cell until one gets in. @returns the thieves who may get in once the hold has ended */
const playNow = async (cell: Cell, scene: Scene): Promise<Result | Played[]> => {
  const later: Played[] = []
  const loot = lootOf(cell.theft, outlineOf(cell.person))
  const isReplayKnown = enoughOf(cell, usedByReplay) !== undefined
  for (const attack of attacks.filter(({ way, isPossible }) => way === (cell.only ?? way) && isPossible(loot))) {
    if (attack.way === 'replayed' && isReplayKnown) continue
    const played = await attackOnce(cell, attack, scene)
    if (played.way && played.way !== 'unavailable') return { outcome: 'gets in', way: played.way }
    if (played.thief.set.length > 0) later.push(played)
  }
  return later
}

/** Runs works, some at a time, and returns when all have ended. */
const runAll = async <T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> => {
  const waiting = [...items]
  const run = async () => {
    for (let item = waiting.shift(); item !== undefined; item = waiting.shift()) await work(item)
  }
  await Promise.all(Array.from({ length: atOnce }, run))
}

/** Starts the product, and returns a function that plays cells under one policy after the other. */
export const startTable = async (t: Test) => {
  const env = {
    REKEY_REQUIRE_CURRENT_PASSWORD: 'true',
    REKEY_BACK_OFFICE_FOUR_EYES: 'false',
    REKEY_CLIENTS_FILE: join(t.testdir({ 'clients.json': JSON.stringify(clients) }), 'clients.json'),
  }
  const rekey = await startRekey(t, { env })
  const victims = createVictims(rekey)
  const stores = await createStores(t, rekey)
  const scene: Scene = { rekey, victims, stores }

  const playUnder = async (policy: Policy, cells: readonly Cell[]): Promise<Map<Cell, Result>> => {
    await rekey.restart({ ...env, REKEY_RESTORE_PROOFS: policy })
    const results = new Map<Cell, Result>()
    const later = new Map<Cell, Played[]>()
    const equals = new Map(cells.map((cell) => [cell, equalOf(cell, cells)]))
    const played = cells.filter((cell) => !equals.get(cell))
    await runAll(played, async (cell) => {
      const found = await playNow(cell, scene).catch((cause) => {
        throw new Error(`${nameOf(cell)}: ${cause.message}`, { cause })
      })
      if (Array.isArray(found)) later.set(cell, found)
      else results.set(cell, found)
    })
    // One step of the clock for all: codes and sessions of the cells before it have expired.
    rekey.clock.advance(longestHoldMs)
    await runAll([...later], async ([cell, thieves]) => {
      for (const played of thieves) {
        if ((await getInLater(played)) === undefined) continue
        const isWaited = played.attack.way === 'unavailable'
        results.set(
          cell,
          isWaited ? { outcome: 'waits', way: 'unavailable' } : { outcome: 'after the hold', way: 'held' },
        )
        return
      }
      results.set(cell, { outcome: 'nothing' })
    })
    for (const [cell, equal] of equals) {
      const result = equal && results.get(equal)
      if (result) results.set(cell, result)
    }
    return results
  }

  return {
    scene,
    /** Plays the cells of one policy. @returns what each led to */
    play: (policy: Policy, cells: readonly Cell[]) =>
      playUnder(
        policy,
        cells.filter((cell) => cell.policy === policy),
      ),
  }
}
