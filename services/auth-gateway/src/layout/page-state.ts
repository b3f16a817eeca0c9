import { createHash } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { unavailable } from '@rekey/contracts'
import type { Now } from '@rekey/platform/clock'
import { hmac, type Keys } from '@rekey/platform/keys'
import type { Random } from '@rekey/platform/random'
import { loadScript, type Redis } from '@rekey/platform/redis'
import { seal, unseal } from '@rekey/platform/seal'
import { Type } from '@sinclair/typebox'

interface Deps {
  redis: Redis
  now: Now
  random: Random
}

interface Options {
  /** Name of the sequence of pages. */
  kind: string
  /** How long a state is kept after its last step, in milliseconds. */
  lifeMs: number
  /** Encrypt the states, and digest what was sent. Not in Redis. */
  keys: Keys
}

/** The state of one sequence of pages in one browser. */
export interface StateReference {
  /** From the address. */
  id: string
  /** From the browser's cookie. */
  secret: string
}

/** One press of a button. */
export interface Press {
  /** The turn that the form was made in. */
  turn: string
  action: string
  /** The customer's input. */
  input?: string
}

export interface Stored<State> {
  state: State
  /** Changes with each step; forms repeat it. */
  turn: string
}

/** 128 bits in base64url (ASVS 7.2.3). */
export const StateId = Type.String({ pattern: '^[\\w-]{22}$' })
/** The turn in a form. */
export const Turn = Type.String({ pattern: '^\\d{1,9}$' })

export const newStateId = (random: Pick<Random, 'bytes'>): string => random.bytes(16).toString('base64url')

/** The turn of a form that begins a sequence. */
export const firstTurn = '0'

/** Longer than a step takes: after this time, the process that ran it is gone. */
const leaseMs = 15_000
const waitMs = 12_000
const pollMs = 60

const script = (name: string) => new URL(`./${name}.lua`, import.meta.url)

/**
 * State of pages between two requests. Redis keeps it encrypted (S40), for the browser whose cookie has the secret. Of
 * equal presses one runs, however close they follow each other; the others get its result (docs/adr/0010).
 */
export const createPageStates = <State>({ redis, now, random }: Deps, { kind, lifeMs, keys }: Options) => {
  const claimScript = loadScript(redis, script('claim-press'))
  const finishScript = loadScript(redis, script('finish-press'))
  const releaseScript = loadScript(redis, script('release-press'))

  const keyOf = ({ id, secret }: StateReference): string =>
    `rekey:{${createHash('sha256').update(`${kind}.${secret}.${id}`).digest('base64url')}}:page:${kind}`

  /** 24 bits: enough to tell presses apart, too few to confirm a guess at a password. */
  const digestOf = (key: string, { turn, action, input = '' }: Press): string =>
    hmac(keys.current, JSON.stringify([key, turn, action, input])).slice(0, 4)

  const open = async (key: string, sealed: string): Promise<Stored<State> | undefined> => {
    if (sealed === '') return undefined
    try {
      return await unseal<Stored<State>>(keys, key, sealed)
    } catch {
      // Changed in Redis, or older than the oldest key: there is no such state.
      return undefined
    }
  }

  const claim = async (key: string, press: string, lease: string) => {
    const [result, sealed] = (await claimScript([key], [now().getTime(), press, lease, leaseMs])) as [
      'run' | 'seen' | 'busy',
      string,
    ]
    return { result, sealed }
  }

  const read = async (reference: StateReference): Promise<Stored<State> | undefined> => {
    const key = keyOf(reference)
    try {
      return await open(key, (await redis.hget(key, 'sealed')) ?? '')
    } catch (cause) {
      throw unavailable(cause)
    }
  }

  const run = async (
    key: string,
    press: string,
    lease: string,
    sealed: string,
    work: (state: State | undefined) => Promise<State>,
  ): Promise<Stored<State>> => {
    const before = await open(key, sealed)
    try {
      const state = await work(before?.state)
      if (before && state === before.state) {
        await releaseScript([key], [lease])
        return before
      }
      const after = { state, turn: String(Number(before?.turn ?? firstTurn) + 1) }
      await finishScript([key], [lease, seal(keys, key, after), press, lifeMs])
      return after
    } catch (error) {
      await releaseScript([key], [lease]).catch(() => {})
      throw error
    }
  }

  return {
    /** @returns undefined if there is no such state in this browser @throws RekeyError unavailable */
    read,

    /** Begins the life of a state anew: it was used. @throws RekeyError unavailable */
    async keepAlive(reference: StateReference): Promise<void> {
      try {
        await redis.pexpire(keyOf(reference), lifeMs)
      } catch (cause) {
        throw unavailable(cause)
      }
    },

    /** Stores the first state of a sequence whose secret is new. @throws RekeyError unavailable */
    async begin(reference: StateReference, state: State): Promise<void> {
      const key = keyOf(reference)
      const sealed = seal(keys, key, { state, turn: '1' })
      try {
        await redis.multi().hset(key, { sealed }).pexpire(key, lifeMs).exec()
      } catch (cause) {
        throw unavailable(cause)
      }
    },

    /** Deletes a state. @throws RekeyError unavailable */
    async drop(reference: StateReference): Promise<void> {
      try {
        await redis.del(keyOf(reference))
      } catch (cause) {
        throw unavailable(cause)
      }
    },

    /**
     * Takes one step, once for each press: a second press that comes while the step runs, or after it, runs nothing and
     * gets the state that the first led to. A press with another input waits its turn.
     *
     * @param work gets the state, or undefined at the first step, and returns the next one, or the same object if there
     * was nothing to do. If it throws, the state is as
     * before and the press may be repeated
     * @throws RekeyError unavailable, and what `work` throws
     */
    async once(
      reference: StateReference,
      press: Press,
      work: (state: State | undefined) => Promise<State>,
    ): Promise<Stored<State> | undefined> {
      const key = keyOf(reference)
      const digest = digestOf(key, press)
      const lease = random.id()
      const until = performance.now() + waitMs
      for (;;) {
        const { result, sealed } = await claim(key, digest, lease)
        if (result === 'run') return run(key, digest, lease, sealed, work)
        if (result === 'seen') return open(key, sealed)
        if (performance.now() > until) throw unavailable(new Error('another press takes too long'))
        await delay(pollMs)
      }
    },
  }
}

export type PageStates<State> = ReturnType<typeof createPageStates<State>>
