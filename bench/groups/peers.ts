import type { Bench } from '../harness/bench.ts'
import type { Contestant } from '../harness/contestant.ts'
import type { Expected, HostPlan, LoadRequest } from '../harness/protocol.ts'
import { byHttp, type Entry } from '../harness/rounds.ts'
import { post } from './contestants.ts'

interface Peer {
  name: string
  /** @returns undefined if it cannot be started here */
  plan(smtpUrl: string): HostPlan | undefined
  /** How to make it measurable, for the report. */
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
    wants: 'its packages could not be installed',
    request: (email) => post('/api/auth/email-otp/request-password-reset', { email }),
    expected: { status: 200, fields: { success: 'boolean' } },
  },
  {
    name: supabaseAuth,
    plan(smtpUrl) {
      const binary = binaryOf('BENCH_GOTRUE')
      return binary === undefined ? undefined : { kind: 'gotrue', options: { binary, smtpUrl, users } }
    },
    wants: 'BENCH_GOTRUE is the path of its program',
    request: (email) => post('/recover', { email }),
    expected: { status: 200, fields: {} },
  },
]

/** Starts the peers that can be measured here; the others are named as left out. */
const startPeers = async (bench: Bench) => {
  const started: { peer: Peer; contestant: Contestant }[] = []
  for (const peer of peers) {
    const plan = peer.plan(bench.load.smtpUrl)
    try {
      if (plan) started.push({ peer, contestant: await bench.contestant(peer.name, plan) })
    } catch (error) {
      bench.say(String(error))
    }
    if (!started.some((one) => one.peer === peer)) bench.leftOut(`${peer.name} (wanted: ${peer.wants})`)
  }
  return started
}

export const usersOf = ({ facts }: Contestant) => facts.emails as string[]

/** The peers' entries for restore requests: of strangers, or of their users to the mail's hand-over. */
export const peerEntries = async (bench: Bench, whom: 'unknown' | 'known', strangers: string[]): Promise<Entry[]> =>
  (await startPeers(bench)).map(({ peer: { request, expected }, contestant }) =>
    byHttp(bench, {
      contestant,
      requests: (whom === 'known' ? usersOf(contestant) : strangers).map(request),
      expected,
      mails: whom === 'known' ? 1 : 0,
    }),
  )
