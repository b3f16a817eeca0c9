import { setTimeout as delay } from 'node:timers/promises'
import { type Check, type Finding, fail, type Line } from './finding.ts'

/** Longest time of one check. Checks need at most two others in a row, so all end within three times as long. */
const deadlineMs = 7_000

const messageOf = (error: unknown): string => {
  const { message, code, errors } = error as NodeJS.ErrnoException & { errors?: Error[] }
  return (message || errors?.map((one) => one.message).join(', ') || code || String(error)).replaceAll(/\s+/g, ' ')
}

const runOne = async ({ run }: Check): Promise<Finding[]> => {
  const timer = new AbortController()
  const late = delay(deadlineMs, [fail(`no answer within ${deadlineMs / 1_000} s`)], { signal: timer.signal })
  try {
    return await Promise.race([Promise.resolve().then(run), late])
  } catch (error) {
    return [fail(messageOf(error))]
  } finally {
    timer.abort()
    late.catch(() => {})
  }
}

/** The findings of a check. `isUsable`: those that need it can run. */
interface Result {
  findings: Finding[]
  isUsable: boolean
}

/** Runs all checks at once, each after the one that it needs. @returns their findings in the order of the checks */
export const examine = async (checks: readonly Check[]): Promise<Line[]> => {
  const running = new Map<Check, Promise<Result>>()
  const neededBy = ({ service, needs }: Check) => checks.find((one) => one.service === service && one.name === needs)

  const run = async (check: Check): Promise<Result> => {
    const needed = neededBy(check)
    if (needed && !(await start(needed)).isUsable)
      return { findings: [{ level: 'skip', text: `not checked: needs "${needed.name}"` }], isUsable: false }
    const findings = await runOne(check)
    return { findings, isUsable: findings.every(({ level }) => level !== 'FAIL') }
  }
  const start = (check: Check): Promise<Result> => {
    const result = running.get(check) ?? run(check)
    running.set(check, result)
    return result
  }

  const found = await Promise.all(checks.map(start))
  return checks.flatMap(({ service, name }, index) =>
    (found[index]?.findings ?? []).map((finding) => ({ ...finding, service, check: name })),
  )
}
