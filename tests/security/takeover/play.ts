import type { Teardown } from '@rekey/test-support/infrastructure'
import { startRekey } from '@rekey/test-support/rekey'
import {
  type Cell,
  nameOf,
  type Policy,
  type Result,
  type Thing,
  type Way,
} from '../../../scripts/docs/takeover-table.ts'
import { type Attack, attacks, type Scene } from './attacks.ts'
import { noticeOverload } from './overload.ts'
import { createStores } from './stores.ts'
import { createThief, lootOf, type Thief } from './thief.ts'
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
  way: Way | undefined
  overloads: () => number
}

/** Plays one attack on a customer of its own, and signs in. Again, on another customer, if the product was overloaded. */
const attackOnce = async ({ theft, person }: Cell, attack: Attack, scene: Scene): Promise<Played> => {
  const isActive = attack.needsActivity === true && theft.some((thing) => storeThings.has(thing))
  for (let time = 1; ; time += 1) {
    const { rekey, count: overloads } = noticeOverload(scene.rekey)
    const isFinal = () => overloads() === 0 || time === mostTimes
    try {
      const victims = createVictims(rekey)
      const victim = await victims.create(person, { isSignedIn: theft.includes('session'), isActive })
      const thief = createThief(rekey, theft, victim)
      await attack.play(thief, { ...scene, rekey, victims })
      const way = await thief.getIn()
      if (way || isFinal()) return { thief, way, overloads }
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

/** Plays the attacks of a cell until one gets in. @returns the thieves who may get in once the hold has ended */
const playNow = async (cell: Cell, scene: Scene): Promise<Result | Played[]> => {
  const later: Played[] = []
  const loot = lootOf(cell.theft, outlineOf(cell.person))
  for (const attack of attacks.filter(({ isPossible }) => isPossible(loot))) {
    const played = await attackOnce(cell, attack, scene)
    if (played.way) return { outcome: 'gets in', way: played.way }
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
export const startTable = async (t: Teardown) => {
  const env = { REKEY_REQUIRE_CURRENT_PASSWORD: 'true', REKEY_BACK_OFFICE_FOUR_EYES: 'false' }
  const rekey = await startRekey(t, { env })
  const victims = createVictims(rekey)
  const stores = await createStores(t, rekey)
  const scene: Scene = { rekey, victims, stores }

  const playUnder = async (policy: Policy, cells: readonly Cell[]): Promise<Map<Cell, Result>> => {
    await rekey.restart({ ...env, REKEY_RESTORE_PROOFS: policy })
    const results = new Map<Cell, Result>()
    const later = new Map<Cell, Played[]>()
    await runAll(cells, async (cell) => {
      const played = await playNow(cell, scene).catch((cause) => {
        throw new Error(`${nameOf(cell)}: ${cause.message}`, { cause })
      })
      if (Array.isArray(played)) later.set(cell, played)
      else results.set(cell, played)
    })
    // One step of the clock for all: codes and sessions of the cells before it have expired.
    rekey.clock.advance(longestHoldMs)
    await runAll([...later], async ([cell, thieves]) => {
      for (const played of thieves) {
        if ((await getInLater(played)) === undefined) continue
        results.set(cell, { outcome: 'after the hold', way: 'held' })
        return
      }
      results.set(cell, { outcome: 'nothing' })
    })
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
