import { deadLetters, type StreamDefinition, type StreamName, streams } from '@rekey/contracts'
import type { StreamInfo } from 'nats'
import { type Background, runInBackground } from './background.ts'
import type { Broker } from './broker.ts'
import type { Now } from './clock.ts'
import type { Logger } from './logger.ts'
import { gauge, type Metrics } from './metrics.ts'
import type { Progress } from './progress.ts'
import { readStreams } from './streams.ts'

interface Deps {
  broker: Broker
  metrics: Metrics
  progress: Progress
  now: Now
  log: Logger
  /** Default: 30 s. */
  everyMs?: number
}

const secondsPerDay = 86_400

/** A stream near its limit of bytes or messages deletes its oldest messages. */
const isFull = ({ config, state }: StreamInfo) =>
  (config.max_bytes > 0 && state.bytes > 0.9 * config.max_bytes) ||
  (config.max_msgs > 0 && state.messages > 0.9 * config.max_msgs)

/**
 * How much shorter than the least age a stream keeps its messages.
 *
 * @returns seconds; 0 if its size cuts nothing off
 */
export const secondsCutOff = (info: StreamInfo, now: Date): number => {
  const least = (streams as Record<string, StreamDefinition>)[info.config.name]?.maxAgeSeconds
  if (least === undefined || info.state.first_seq <= 1 || !isFull(info)) return 0
  const keptSeconds = (now.getTime() - new Date(info.state.first_ts).getTime()) / 1_000
  return Math.max(0, Math.round(least - keptSeconds))
}

/**
 * Reads the streams of a running service every 30 s. A stream whose settings were changed to others than those of the
 * contracts makes the service `degraded`: its events may be forged, refused or lost (S47). A stream whose size limit
 * deletes messages before the least age is logged and measured.
 */
export const watchStreams = (names: readonly StreamName[], deps: Deps): Background => {
  const { broker, metrics, progress, now, log, everyMs = 30_000 } = deps
  const cutOff = gauge(metrics, {
    name: 'rekey_stream_cut_off_seconds',
    help: 'How much shorter than its least age a stream keeps messages, because of its size limit; 0 if it keeps them',
    labels: { stream: [...Object.keys(streams), deadLetters.name] },
  })
  const logged = new Map<string, string>()
  const reported = new Set<string>()

  /** Logs a problem once, until it changes or ends. */
  const logOnce = (name: string, text: string | undefined, write: () => void) => {
    if (text !== undefined && logged.get(name) !== text) write()
    if (text === undefined) logged.delete(name)
    else logged.set(name, text)
  }

  const work = async () => {
    // While the broker is unavailable or being set up, /readyz and the log say so.
    const isUsable = await broker.check().then(
      () => true,
      () => false,
    )
    if (!isUsable) return
    const { found, foreign } = await readStreams(broker.connection(), names)
    for (const name of reported) progress.report(`stream ${name}`, undefined)
    reported.clear()
    const foreignNames = new Map(foreign.map(({ name, problem }) => [name, problem]))
    for (const name of [...names, 'DEAD']) {
      const problem = foreignNames.get(name)
      logOnce(`${name} foreign`, problem, () => log.event('stream_changed', { stream: name }, problem))
      if (problem === undefined) continue
      progress.report(`stream ${name}`, problem)
      reported.add(name)
    }
    for (const info of found) {
      const { name, max_bytes: maxBytes, max_msgs: maxMessages } = info.config
      const seconds = secondsCutOff(info, now())
      cutOff.set({ stream: name }, seconds)
      logOnce(`${name} full`, seconds > 0 ? 'full' : undefined, () =>
        log.event(
          'stream_cut_off',
          { stream: name, seconds, maxBytes, maxMessages },
          `stream ${name} deletes messages ${(seconds / secondsPerDay).toFixed(1)} days before its least age: raise its size`,
        ),
      )
    }
  }

  return runInBackground({
    work,
    pollMs: everyMs,
    restsFirst: true,
    backoffMs: { first: 500, most: everyMs },
    waiting: 'streams not read, they are read again',
    log,
  })
}
