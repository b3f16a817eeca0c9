import type { Bench } from '../harness/bench.ts'
import type { Contestant } from '../harness/contestant.ts'
import type { Expected, HostPlan, LoadRequest } from '../harness/protocol.ts'
import { byHttp, type Entry } from '../harness/rounds.ts'
import { post } from './contestants.ts'

interface Peer {
  name: string
  /** @returns undefined if it cannot be started here */
  plan(smtpUrl: string): HostPlan | undefined
  /** Names the missing program in the report. */
  wants: string
  /** One request for a restore; the mail has a code or a link. */
  request(email: string): LoadRequest
  expected: Expected
}

/** Users of each peer, for which requests are made in turn. */
const users = 200

/** The variable that names a peer's program. */
const binaryOf = (variable: string) => process.env[variable]

export const betterAuth = 'Better Auth'
export const supabaseAuth = 'Supabase Auth'

const peers: Peer[] = [
  {
    name: betterAuth,
    plan: (smtpUrl) => ({ kind: 'better-auth', options: { smtpUrl, users } }),
    wants: '',
    request: (email) => post('/api/auth/email-otp/request-password-reset', { email }),
    expected: { status: 200, fields: { success: 'boolean' } },
  },
  {
    name: supabaseAuth,
    plan(smtpUrl) {
      const binary = binaryOf('BENCH_GOTRUE')
      return binary === undefined ? undefined : { kind: 'gotrue', options: { binary, smtpUrl, users } }
    },
    wants: 'BENCH_GOTRUE names no program',
    request: (email) => post('/recover', { email }),
    expected: { status: 200, fields: {} },
  },
]

/** Starts a peer. @returns undefined if it cannot be measured here; the report then names it */
export const startPeer = async (bench: Bench, name: string) => {
  const peer = peers.find((one) => one.name === name)
  if (!peer) throw new Error(`there is no peer ${name}`)
  if (bench.quick) {
    bench.leftOut(`${name} (--quick measures no peers)`)
    return undefined
  }
  const plan = peer.plan(bench.load.smtpUrl)
  if (!plan) {
    bench.leftOut(`${name} (${peer.wants})`)
    return undefined
  }
  try {
    return { ...peer, contestant: await bench.contestant(name, plan) }
  } catch (error) {
    bench.leftOut(`${name} (it could not be started: ${error instanceof Error ? error.message : error})`)
    return undefined
  }
}

export const usersOf = ({ facts }: Contestant) => facts.emails as string[]

/** The peers' entries for restore requests: of strangers, or of their users to the mail's hand-over. */
export const peerEntries = async (bench: Bench, whom: 'unknown' | 'known', strangers: string[]): Promise<Entry[]> => {
  const entries: Entry[] = []
  for (const { name } of peers) {
    const peer = await startPeer(bench, name)
    if (!peer) continue
    const { contestant, request, expected } = peer
    const requests = (whom === 'known' ? usersOf(contestant) : strangers).map(request)
    entries.push(byHttp(bench, { contestant, requests, expected, mails: whom === 'known' ? 1 : 0 }))
  }
  return entries
}
