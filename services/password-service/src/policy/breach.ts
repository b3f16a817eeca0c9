import { createHash } from 'node:crypto'
import type { Logger } from '@rekey/platform/logger'
import { counter, type Metrics } from '@rekey/platform/metrics'
import { inSpan } from '@rekey/platform/trace'
import { ConsecutiveBreaker, circuitBreaker, handleAll, isBrokenCircuitError } from 'cockatiel'
import { Pool } from 'undici'

interface Options {
  /** Base URL of the range API: five characters are appended as the last path segment. */
  url: string
  /** A password is accepted without an answer after this time. */
  timeoutMs: number
  /** Length of the pause after three failures in a row. */
  pauseMs?: number
  log: Logger
  metrics: Metrics
}

/** Look-ups at a time. Others wait, and their time-out runs while they wait. */
const connections = 8
const keepAliveMs = 30_000
/** A usual answer has about a thousand lines of forty bytes, and as many again of padding. */
const maxAnswerBytes = 262_144
const failuresInARow = 3

/** Hexadecimal digits of the SHA-1 that are sent. */
const prefixLength = 5

/** A line `SUFFIX:COUNT` for each leaked password with that prefix. Padding has a count of 0. */
const answerLine = /^([0-9A-F]{35}):(\d{1,12})$/

class UnusableAnswer extends Error {}

const countOf = (answer: string, suffix: string): number => {
  let count = 0
  for (const line of answer.trimEnd().split(/\r?\n/)) {
    const [, other, times] = answerLine.exec(line) ?? []
    if (other === undefined) throw new UnusableAnswer('malformed answer')
    if (other === suffix) count = Number(times)
  }
  return count
}

/** True if the text is an answer of a range API. */
export const isRangeAnswer = (text: string): boolean => {
  try {
    countOf(text, '')
    return true
  } catch {
    return false
  }
}

/** Why a look-up failed. Contains nothing of the request. */
const reasonOf = (error: unknown): string => {
  if (isBrokenCircuitError(error)) return 'paused after failures'
  if (error instanceof UnusableAnswer) return error.message
  const { name, code } = error as NodeJS.ErrnoException
  return name === 'TimeoutError' ? 'timeout' : (code ?? name)
}

const outcomes = ['found', 'not_found', 'timeout', 'failed', 'skipped'] as const

const outcomeOf = (error: unknown): (typeof outcomes)[number] => {
  if (isBrokenCircuitError(error)) return 'skipped'
  return (error as Error).name === 'TimeoutError' ? 'timeout' : 'failed'
}

/**
 * Looks up whether a password is known from a leak (ASVS 6.2.12), by k-anonymity: only five characters of its SHA-1 are
 * sent, which thousands of passwords share, and `Add-Padding` hides the length of the answer. A look-up that fails
 * accepts the password, so that an outage of the vendor stops no new password. Three failures in a row pause the
 * look-ups, so that not every change waits for the time-out.
 */
export const createBreaches = ({ url, timeoutMs, pauseMs = 30_000, log, metrics }: Options) => {
  const lookups = counter(metrics, {
    name: 'rekey_breach_lookups_total',
    help: 'Look-ups of new passwords among leaked ones. timeout, failed and skipped: accepted without an answer',
    labels: { outcome: outcomes },
  })

  const { origin, pathname, search } = new URL(url)
  const base = pathname.replace(/\/$/, '')
  const pool = new Pool(origin, {
    connections,
    keepAliveTimeout: keepAliveMs,
    maxResponseSize: maxAnswerBytes,
    connect: { timeout: timeoutMs },
  })
  const circuit = circuitBreaker(handleAll, {
    breaker: new ConsecutiveBreaker(failuresInARow),
    halfOpenAfter: pauseMs,
  })
  circuit.onBreak(() => log.event('breach_lookups_paused', { pauseMs }))
  circuit.onReset(() => log.event('breach_lookups_resumed', {}))

  const fetchRange = async (prefix: string, signal: AbortSignal): Promise<string> => {
    // Redirects are not followed: the configuration names the only host that may receive a prefix.
    const { statusCode, body } = await pool.request({
      method: 'GET',
      path: `${base}/${prefix}${search}`,
      headers: { 'add-padding': 'true', 'user-agent': 'rekey' },
      signal,
    })
    if (statusCode === 200) return body.text()
    await body.dump({ limit: maxAnswerBytes, signal })
    throw new UnusableAnswer(`status ${statusCode}`)
  }

  return {
    /** True if the password is known from a leak; false if it is not, or if there is no answer in time. Never rejects. */
    async isLeaked(password: string): Promise<boolean> {
      const digest = createHash('sha1').update(password.normalize('NFC')).digest('hex').toUpperCase()
      const [prefix, suffix] = [digest.slice(0, prefixLength), digest.slice(prefixLength)]
      const signal = AbortSignal.timeout(timeoutMs)
      try {
        const isFound = await inSpan({ name: 'look up leaked password', kind: 'client' }, () =>
          circuit.execute(async () => countOf(await fetchRange(prefix, signal), suffix) > 0),
        )
        lookups.inc({ outcome: isFound ? 'found' : 'not_found' })
        return isFound
      } catch (error) {
        lookups.inc({ outcome: outcomeOf(error) })
        log.event('breach_lookup_fail', { reason: reasonOf(error) })
        return false
      }
    },
    close: () => pool.destroy(),
  }
}
