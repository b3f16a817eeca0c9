import { setTimeout as delay } from 'node:timers/promises'
import { createHttp } from '@rekey/test-support/http'
import { isUnknown, type Status } from './client-log.ts'

export interface Reply {
  status: Status
  body: Record<string, unknown>
  /** The page, if the answer is one. */
  text: string
  startedAt: Date
  endedAt: Date
}

export interface LastReply extends Reply {
  lostBefore: boolean
}

export interface Call {
  /** Name of the request in the summary. */
  step: string
  method?: 'GET' | 'POST'
  path: string
  headers?: Record<string, string>
  body?: object
  /** Fields of a form, instead of a body. */
  form?: Record<string, string>
}

const formHeaders = { 'content-type': 'application/x-www-form-urlencoded' }

/** Longer than the gateway waits for anything. */
const timeoutMs = 6_500
/** Shorter than any Retry-After: users are less patient. */
const pauseMs = 700

interface Options {
  /** Receives the outcome of each request. */
  note(step: string, status: Status): void
  stopped: AbortSignal
}

/** A front end that retries after a 429, a 503 or no answer. */
export const createClient = (origin: string, { note, stopped }: Options) => {
  const http = createHttp(origin, { timeoutMs })

  const send = ({ method = 'POST', path, headers = {}, body, form }: Call) => {
    if (method === 'GET') return http.get(path, headers)
    if (form) return http.send('POST', path, { ...headers, ...formHeaders }, `${new URLSearchParams(form)}`)
    return http.post(path, body ?? {}, headers)
  }

  /** Sends one request. */
  const call = async (request: Call): Promise<Reply> => {
    stopped.throwIfAborted()
    const startedAt = new Date()
    const answer = await send(request).catch(() => undefined)
    note(request.step, answer?.status)
    const { status, body = {}, text = '' } = answer ?? {}
    return { status, body, text, startedAt, endedAt: new Date() }
  }

  /**
   * Sends a request until it is answered, at most `most` times.
   *
   * @param onReply receives each reply
   * @returns the last reply, with `lostBefore` if an earlier answer was lost: that request may have been done
   */
  const callUntilAnswered = async (
    request: Call,
    { most = 40, onReply = (_reply: Reply) => {} } = {},
  ): Promise<LastReply> => {
    for (let times = 1, lostBefore = false; ; times += 1) {
      const reply = await call(request)
      onReply(reply)
      const isUncertain = isUnknown(reply.status)
      if ((!isUncertain && reply.status !== 429) || times >= most) return { ...reply, lostBefore }
      lostBefore ||= isUncertain
      await delay(pauseMs, undefined, { signal: stopped })
    }
  }
  return { call, callUntilAnswered }
}

export type Client = ReturnType<typeof createClient>
