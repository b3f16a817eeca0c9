import autocannon from 'autocannon'
import { quantile } from 'simple-statistics'
import type { Answer, Expected, FieldType, LoadPlan, LoadResult } from './protocol.ts'

const typeOf = (value: unknown): FieldType | string => (Array.isArray(value) ? 'array' : typeof value)

/** @returns what is wrong with an answer's body; undefined if nothing is */
const mistakeIn = (body: string, { fields }: Expected): string | undefined => {
  if (!fields) return undefined
  try {
    const value = JSON.parse(body) as Record<string, unknown>
    const wrong = Object.entries(fields).find(([name, type]) => typeOf(value[name]) !== type)
    return wrong && `${wrong[0]} is ${typeOf(value[wrong[0]])}, not ${wrong[1]}`
  } catch {
    return 'no JSON'
  }
}

/** Counts wrong answers by their kind, with the first example of each. */
const createMistakes = () => {
  const kinds = new Map<string, { count: number; example: string }>()
  return {
    add(kind: string, example: string) {
      const known = kinds.get(kind)
      if (known) known.count += 1
      else kinds.set(kind, { count: 1, example })
    },
    list: () => [...kinds].map(([kind, { count, example }]) => `${count} × ${kind}: ${example.slice(0, 200)}`),
  }
}

/** The request that a connection waits for. */
interface Sent {
  index: number
}

/** Sends requests and checks each answer. */
export const send = async (plan: LoadPlan): Promise<LoadResult> => {
  const { url, requests, expected, amount, connections, rate, keepAnswers } = plan
  const mistakes = createMistakes()
  const sentMs: number[] = []
  const answers: Answer[] = []
  const latencies: number[] = []
  let next = 0
  const start = performance.now()
  const { promise, resolve, reject } = Promise.withResolvers<autocannon.Result>()
  const options: autocannon.Options = {
    url,
    amount,
    connections: Math.min(connections, amount),
    timeout: 30,
    ...(rate !== undefined && { overallRate: rate, ignoreCoordinatedOmission: true }),
    requests: [
      {
        setupRequest(request, context) {
          const index = next
          next += 1
          ;(context as Sent).index = index
          sentMs[index] = performance.now()
          const wanted = requests[index % requests.length]
          return { ...request, ...wanted, headers: { ...request.headers, ...wanted?.headers } } as typeof request
        },
        onResponse(status, body, context, headers) {
          const mistake = status === expected.status ? mistakeIn(body, expected) : `status ${status}`
          if (mistake) mistakes.add(mistake, body)
          if (keepAnswers) {
            answers[(context as Sent).index] = { body, headers: (headers ?? {}) as Record<string, string> }
          }
        },
      },
    ],
  }
  const instance = autocannon(options, (error, result) => (error ? reject(error) : resolve(result)))
  // The library reports the end up to a second after the last answer.
  let lastMs = start
  instance.on('response', (_client, _status, _bytes, ms) => {
    lastMs = performance.now()
    latencies.push(ms)
  })
  const { errors, timeouts } = await promise
  const seconds = (lastMs - start) / 1_000
  if (errors + timeouts > 0) mistakes.add('no answer', `${errors} errors, ${timeouts} timeouts`)
  if (latencies.length < amount) mistakes.add('answers are missing', `${latencies.length} of ${amount}`)
  return {
    seconds,
    perSecond: latencies.length / seconds,
    p50Ms: latencies.length > 0 ? quantile(latencies, 0.5) : 0,
    p99Ms: latencies.length > 0 ? quantile(latencies, 0.99) : 0,
    wrong: mistakes.list(),
    ...(keepAnswers && { answers, sentMs }),
  }
}
