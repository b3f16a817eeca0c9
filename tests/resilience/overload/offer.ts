import { Agent, request } from 'node:http'
import { setTimeout as delay } from 'node:timers/promises'

/** The outcome of one request. */
export interface Outcome {
  /** 0 without an answer. */
  status: number
  retryAfter: string | undefined
  /** Time until the whole answer was read. */
  ms: number
}

export interface Sent {
  method: 'GET' | 'POST'
  path: string
  headers?: Record<string, string>
  /** Sent as JSON. */
  body?: object
}

/** Longer than any request may take. */
const timeoutMs = 10_000

/** Sends requests to one origin over any number of kept-alive connections. */
export const createSender = (origin: string) => {
  const agent = new Agent({ keepAlive: true })
  const send = ({ method, path, headers = {}, body }: Sent): Promise<Outcome> =>
    new Promise((resolve) => {
      const started = performance.now()
      const end = (status: number, retryAfter?: string) =>
        resolve({ status, retryAfter, ms: performance.now() - started })
      const payload = body && JSON.stringify(body)
      const type = payload === undefined ? {} : { 'content-type': 'application/json' }
      const sent = request(`${origin}${path}`, { method, agent, timeout: timeoutMs, headers: { ...headers, ...type } })
      sent.once('response', (response) => {
        response.resume()
        response.once('end', () => end(response.statusCode ?? 0, response.headers['retry-after']))
        response.once('error', () => end(0))
      })
      sent.once('timeout', () => sent.destroy())
      sent.once('error', () => end(0))
      sent.end(payload)
    })
  return { send, close: () => agent.destroy() }
}

export type Send = ReturnType<typeof createSender>['send']

interface Offer {
  perSecond: number
  seconds: number
  send(index: number): Promise<Outcome>
}

/** Open-loop load: sends at a constant rate regardless of the answers, and waits for the last answer. */
export const offer = async ({ perSecond, seconds, send }: Offer): Promise<Outcome[]> => {
  const outcomes: Promise<Outcome>[] = []
  const started = performance.now()
  const total = Math.round(perSecond * seconds)
  while (outcomes.length < total) {
    const due = Math.min(total, Math.ceil(((performance.now() - started) / 1_000) * perSecond))
    while (outcomes.length < due) outcomes.push(send(outcomes.length))
    await delay(2)
  }
  return Promise.all(outcomes)
}

/** Percentile of the times, in ms; 0 without outcomes. */
export const percentile = (outcomes: Outcome[], share: number): number => {
  const sorted = outcomes.map(({ ms }) => ms).toSorted((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0
}
