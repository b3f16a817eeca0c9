import { createHash } from 'node:crypto'
import type { Logger } from '@rekey/platform/logger'
import type { Metrics } from '@rekey/platform/metrics'
import { ConsecutiveBreaker, circuitBreaker, handleAll, isBrokenCircuitError } from 'cockatiel'
import { Counter } from 'prom-client'
import { Pool } from 'undici'

interface Options {
  /** Base of the range API: the five characters become its last segment. */
  url: string
  /** After which a password is taken without an answer. */
  timeoutMs: number
  /** How long nobody is asked after failures in a row. */
  pauseMs?: number
  log: Logger
  metrics: Metrics
}

export interface Breaches {
  /** Whether a password is known from a leak. Where nobody can say in time it counts as unknown: never rejects. */
  isLeaked(password: string): Promise<boolean>
  close(): Promise<void>
}

/** Look-ups at a time; what comes more waits, within its own time. */
const connections = 8
const keepAliveMs = 30_000
/** About a thousand lines of forty bytes are usual, and as many again for padding. */
const maxAnswerBytes = 262_144
const failuresInARow = 3

/** Characters of the SHA-1 that are sent. */
const prefixLength = 5

/** `SUFFIX:COUNT` for each leaked password of that prefix. Padding has a count of 0. */
const answerLine = /^([0-9A-F]{35}):(\d{1,12})$/

class UnusableAnswer extends Error {}

const countOf = (answer: string, suffix: string): number => {
  let count = 0
  for (const line of answer.trimEnd().split(/\r?\n/)) {
    const [, other, times] = answerLine.exec(line) ?? []
    if (other === undefined) throw new UnusableAnswer('not in the form of a range')
    if (other === suffix) count = Number(times)
  }
  return count
}

/** What went wrong, in words that hold nothing of the request. */
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
 * Asks a vendor whether a password is known from a leak (ASVS 6.2.12), by k-anonymity: of its SHA-1 five characters
 * leave, and thousands of passwords share them; `Add-Padding` keeps the length of the answer from telling which. A vendor
 * that does not answer keeps nobody from a new password; after failures in a row it is left alone for a while, so that it
 * does not cost every change the time-out.
 */
export const createBreaches = ({ url, timeoutMs, pauseMs = 30_000, log, metrics }: Options): Breaches => {
  const lookups = new Counter({
    name: 'rekey_breach_lookups_total',
    help: 'Look-ups of new passwords among leaked ones. timeout, failed and skipped: taken without an answer.',
    labelNames: ['outcome'],
    registers: [metrics],
  })
  for (const outcome of outcomes) lookups.inc({ outcome }, 0)

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
  circuit.onBreak(() => log.warn({ event: 'breach_lookups_paused', pauseMs }, 'leaked passwords are not asked for'))
  circuit.onReset(() => log.info({ event: 'breach_lookups_resumed' }, 'leaked passwords are asked for again'))

  const ask = async (prefix: string, signal: AbortSignal): Promise<string> => {
    // No redirect is followed: another host is not the one that was configured.
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
    async isLeaked(password) {
      const digest = createHash('sha1').update(password.normalize('NFC')).digest('hex').toUpperCase()
      const [prefix, suffix] = [digest.slice(0, prefixLength), digest.slice(prefixLength)]
      const signal = AbortSignal.timeout(timeoutMs)
      try {
        const isFound = await circuit.execute(async () => countOf(await ask(prefix, signal), suffix) > 0)
        lookups.inc({ outcome: isFound ? 'found' : 'not_found' })
        return isFound
      } catch (error) {
        lookups.inc({ outcome: outcomeOf(error) })
        log.warn({ event: 'breach_lookup_fail', reason: reasonOf(error) }, 'nobody says whether a password was leaked')
        return false
      }
    },
    close: () => pool.destroy(),
  }
}
