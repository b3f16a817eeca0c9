import { setTimeout as delay } from 'node:timers/promises'
import { createHttp } from '@rekey/test-support/http'
import { isUnknown, type Status } from './seen.ts'

export interface Reply {
  status: Status
  body: Record<string, unknown>
  startedAt: Date
  endedAt: Date
}

export interface LastReply extends Reply {
  lostBefore: boolean
}

export interface Call {
  /** What is asked, as the report names it. */
  step: string
  method?: 'GET' | 'POST'
  path: string
  headers?: Record<string, string>
  body?: object
}

/** Longer than the gateway waits for anything. */
const timeoutMs = 6_500
/** Retry-After says a second or more; people are less patient. */
const pauseMs = 700

interface Options {
  /** Is told each request's outcome. */
  note(step: string, status: Status): void
  stopped: AbortSignal
}

/** A front end, which asks again where it was told to come again, or nothing. */
export const createClient = (origin: string, { note, stopped }: Options) => {
  const http = createHttp(origin, { timeoutMs })

  /** Asks once. */
  const call = async ({ step, method = 'POST', path, headers = {}, body }: Call): Promise<Reply> => {
    stopped.throwIfAborted()
    const startedAt = new Date()
    const answer = await (method === 'GET' ? http.get(path, headers) : http.post(path, body ?? {}, headers)).catch(
      () => undefined,
    )
    note(step, answer?.status)
    return { status: answer?.status, body: answer?.body ?? {}, startedAt, endedAt: new Date() }
  }

  /**
   * Asks until it is answered, or `most` times.
   *
   * @param heard is told each reply as it comes
   * @returns the last reply, and whether one before it was lost, which may have done what this one is refused for
   */
  const insist = async (asked: Call, { most = 40, heard = (_reply: Reply) => {} } = {}): Promise<LastReply> => {
    for (let times = 1, lostBefore = false; ; times += 1) {
      const reply = await call(asked)
      heard(reply)
      const isUncertain = isUnknown(reply.status)
      if ((!isUncertain && reply.status !== 429) || times >= most) return { ...reply, lostBefore }
      lostBefore ||= isUncertain
      await delay(pauseMs, undefined, { signal: stopped })
    }
  }
  return { call, insist }
}

export type Client = ReturnType<typeof createClient>
