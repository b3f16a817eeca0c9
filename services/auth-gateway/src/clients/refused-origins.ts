import type { Now } from '@rekey/platform/clock'
import type { Logger } from '@rekey/platform/logger'
import { variable } from './registry-file.ts'

interface Deps {
  /** Origin of the gateway's own pages, which need no registration. */
  ownOrigin: string
  log: Logger
  now: Now
}

/** Anyone can send any origin: it bounds memory and log lines. */
const mostOrigins = 100
const forgetMs = 3_600_000
/** Longer than a host name with scheme and port. */
const longestOrigin = 300

/** True for an origin that a registry could contain: not for `null`, nor for text that a program sends. */
const isOrigin = (text: string): boolean =>
  text.length <= longestOrigin && URL.canParse(text) && new URL(text).origin === text

/** Logs which page was refused and how to allow it: each origin once an hour, at most a hundred. */
export const createRefusedOrigins = ({ ownOrigin, log, now }: Deps) => {
  const seen = new Set<string>()
  let since = 0
  return {
    report(origin: string): void {
      const at = now().getTime()
      if (at - since >= forgetMs) {
        seen.clear()
        since = at
      }
      if (origin === ownOrigin || seen.has(origin) || seen.size >= mostOrigins || !isOrigin(origin)) return
      seen.add(origin)
      log.event(
        'origin_refused',
        { origin },
        `a page of an origin that no client has registered called the gateway: add it to "origins" of a client in ${variable}`,
      )
    },
  }
}
