import { setTimeout as delay } from 'node:timers/promises'
import type { TestCustomer } from '@rekey/test-support/customers'
import { claimsOf, restoreBody } from '@rekey/test-support/flows'
import { createHttp } from '@rekey/test-support/http'
import type { Mailbox } from '../mailbox.ts'

/** A code by mail or SMS, or an answer of the password-service through the gateway. */
export type ProbeKind = 'mail' | 'sms' | 'forwarded'

export interface Probe {
  startedAt: number
  /** Time until the code or the answer arrived. Infinity: refused, or not within `codeTimeoutMs`. */
  ms: number
}

interface Options {
  origin: string
  customers: TestCustomer[]
  mailbox: Mailbox
}

const codeTimeoutMs = 20_000
const never = new AbortController().signal

/** Sends probes at a constant rate, without waiting for earlier ones, and measures each. */
export const createProber = ({ origin, customers, mailbox }: Options) => {
  const http = createHttp(origin, { timeoutMs: 6_500 })
  let turn = 0

  const code = async (to: string): Promise<boolean> => {
    const { status, body } = await http.post('/oauth/v2/passwordRestore', restoreBody(to))
    if (status !== 200) return false
    const challengeId = String(claimsOf(String(body.mfa_token)).sub)
    const matches = ({ MessageID }: { MessageID: string }) => MessageID.startsWith(challengeId)
    return (await mailbox.waitFor(to, matches, { timeoutMs: codeTimeoutMs, signal: never })) !== undefined
  }
  const send = async (kind: ProbeKind): Promise<boolean> => {
    // Without a token: the password-service refuses it.
    if (kind === 'forwarded') return (await http.get('/api/v2/my/password/changes')).status === 401
    const { email, phone } = customers[turn++ % customers.length] as TestCustomer
    return code(kind === 'sms' ? phone : email)
  }
  const probe = async (kind: ProbeKind): Promise<Probe> => {
    const startedAt = Date.now()
    const isDone = await send(kind).catch(() => false)
    return { startedAt, ms: isDone ? Date.now() - startedAt : Number.POSITIVE_INFINITY }
  }

  return {
    probe,
    /** @param signal stops sending; open probes are awaited */
    async run(kind: ProbeKind, everyMs: number, signal: AbortSignal): Promise<Probe[]> {
      const probes: Promise<Probe>[] = []
      while (!signal.aborted) {
        probes.push(probe(kind))
        await delay(everyMs, undefined, { signal }).catch(() => {})
      }
      return Promise.all(probes)
    },
  }
}

export type Prober = ReturnType<typeof createProber>
