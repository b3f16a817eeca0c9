import { execFile } from 'node:child_process'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { TestCustomer } from '@rekey/test-support/customers'
import type { Bench, Figure, Group } from '../harness/bench.ts'
import { askForCodes } from '../harness/codes.ts'
import type { Contestant } from '../harness/contestant.ts'
import type { LoadRequest } from '../harness/protocol.ts'
import { byHttp, contest, type Entry, perSecond, ratioOf } from '../harness/rounds.ts'
import { signToken, verificationsFor } from './codes.ts'
import { customersOf, devices, ours, post, signIns, sizesFor, startOurs } from './contestants.ts'
import { betterAuth, startPeer, usersOf } from './peers.ts'

const figures = [
  { name: 'a4-hashes', what: 'A4, sign-ins/s ÷ raw argon2 verifications/s', goal: { atLeast: 0.92 } },
  { name: 'b2-hashes', what: 'B2, hashes/s ÷ raw argon2 hashes/s', goal: { atLeast: 0.92 } },
  {
    name: 'b2-better-auth',
    what: "B2, new passwords/s ÷ Better Auth's resets by code, same argon2",
    goal: { atLeast: 1.8 },
  },
] satisfies Figure[]

/** Enough to keep the hashing core busy; with more, requests wait so long on a slow machine that they are refused. */
export const connections = availableParallelism() + 1

interface Raw {
  hashes: number
  verifications: number
}

/** Runs bench/floors/hash.ts. */
export const runHashFloor = async (seconds: number, args: string[] = []): Promise<Raw> => {
  const file = join(import.meta.dirname, '../floors/hash.ts')
  const { stdout } = await promisify(execFile)(process.execPath, [file, '--seconds', String(seconds), ...args])
  return JSON.parse(stdout)
}

const rawArgon2 = ({ quick }: Bench, which: keyof Raw): Entry => ({
  name: 'raw argon2',
  async measure() {
    const raw = await runHashFloor(quick ? 2 : 10)
    return { sample: { perSecond: raw[which], p50Ms: 0, p99Ms: 0, parts: new Map(), micros: 0 }, wrong: [] }
  },
})

let passwords = 0

/** Counts hashes beside requests: a new password may need several, to compare it with those before it. */
const countingHashes = (entry: Entry, { call }: Contestant): Entry => ({
  name: entry.name,
  async measure(amount) {
    const before = await call<number>('hashes')
    const { sample, wrong } = await entry.measure(amount)
    const hashes = (await call<number>('hashes')) - before
    return { sample: { ...sample, hashesPerSecond: (sample.perSecond * hashes) / amount }, wrong }
  },
})

/** A1 and A2 for each customer, then the requests of B2. */
const restoresFor = async (bench: Bench, contestant: Contestant, customers: TestCustomer[]): Promise<LoadRequest[]> => {
  const requests = await verificationsFor(bench, contestant, customers)
  const plan = { url: contestant.url, requests, expected: signToken, amount: customers.length, connections: 20 }
  const { answers = [], wrong } = await bench.load.run({ ...plan, keepAnswers: true })
  if (wrong.length > 0) throw new Error(`answering codes: ${wrong.join('; ')}`)
  return answers.map(({ body }) => {
    passwords += 1
    const { path, headers, ...request } = post('/api/v2/my/password/restore', {
      password: `a new password of round ${passwords}`,
    })
    return { ...request, path, headers: { ...headers, successToken: JSON.parse(body).sign_token } }
  })
}

const codeInMail = (text: string) => /: (\d{6})$/m.exec(text)?.[1]

/** Resets by a code that was asked for before, if Better Auth can be started. */
const betterAuthResets = async (bench: Bench): Promise<Entry[]> => {
  const { contestant, request, expected } = (await startPeer(bench, betterAuth)) ?? {}
  if (!contestant || !request || !expected) return []
  const resetsFor = async (amount: number) => {
    const emails = usersOf(contestant).slice(0, amount)
    const asked = await askForCodes(
      bench.load,
      { url: contestant.url, requests: emails.map(request), expected },
      emails,
      codeInMail,
    )
    return asked.map(({ code }, index) => {
      passwords += 1
      const password = `a new password of round ${passwords}`
      return post('/api/auth/email-otp/reset-password', { email: emails[index], otp: code, password })
    })
  }
  return [byHttp(bench, { contestant, requests: resetsFor, expected, connections })]
}

export const hashes: Group = {
  name: 'hashes',
  what: 'sign-ins (A4) and new passwords (B2) against argon2 alone',
  figures,
  async run(bench: Bench) {
    const contestant = await startOurs(bench)
    const customers = customersOf(contestant)
    // Those who sign in keep their password; the others get new ones.
    const signingIn = customers.slice(0, 300)
    const restoring = customers.slice(300, 900)
    const sizes = sizesFor(bench, bench.quick ? 0.06 : 0.04)
    const a4 = await contest(
      [
        byHttp(bench, { contestant, requests: signIns(signingIn), expected: devices, connections }),
        rawArgon2(bench, 'verifications'),
      ],
      sizes,
      bench,
    )
    const b2 = await contest(
      [
        countingHashes(
          byHttp(bench, {
            contestant,
            requests: (amount) => restoresFor(bench, contestant, restoring.slice(0, amount)),
            expected: { status: 204 },
            connections,
          }),
          contestant,
        ),
        rawArgon2(bench, 'hashes'),
        ...(await betterAuthResets(bench)),
      ],
      sizes,
      bench,
    )
    return {
      contests: [
        { title: 'A4', samples: a4 },
        { title: 'B2', samples: b2 },
      ],
      figures: {
        'a4-hashes': ratioOf(a4, [ours, 'raw argon2'], perSecond),
        'b2-hashes': ratioOf(b2, [ours, 'raw argon2'], ({ hashesPerSecond = 0 }) => hashesPerSecond, perSecond),
        'b2-better-auth': ratioOf(b2, [ours, betterAuth], perSecond),
      },
    }
  },
}
