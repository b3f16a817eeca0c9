import { randomInt } from 'node:crypto'
import { parseArgs } from 'node:util'

export const usage = `Usage: npm run resilience -- [--minutes N] [--seed N]
  Customers restore and change passwords while every part is killed, paused and restarted, every connection is delayed,
  cut, stalled and lost, and events arrive that cannot be handled. Afterwards the answers that clients got are compared
  with the contents of the stores.

  --minutes N  duration of the failures, half of it with one NATS server and half with a cluster of three:
               0.5 to 240; 0.7 by default
  --seed N     repeats the failures of a run, which prints its seed: 0 to 2147483647; random by default
  --help       prints this`

export interface Settings {
  minutes: number
  seed: number
}

const largestSeed = 2 ** 31 - 1

const toNumber = (name: string, text: string, isValid: (number: number) => boolean): number => {
  const number = text.trim() === '' ? Number.NaN : Number(text)
  if (!isValid(number)) throw new Error(`--${name} must not be "${text}".\n\n${usage}`)
  return number
}

/** @returns undefined for --help @throws Error with a message and the usage */
export const readSettings = (args: string[]): Settings | undefined => {
  const options = { minutes: { type: 'string' }, seed: { type: 'string' }, help: { type: 'boolean' } } as const
  let values: { minutes?: string; seed?: string; help?: boolean }
  try {
    values = parseArgs({ args, options }).values
  } catch (error) {
    throw new Error(`${(error as Error).message}\n\n${usage}`)
  }
  const { minutes = '0.7', seed, help } = values
  if (help) return undefined
  return {
    minutes: toNumber('minutes', minutes, (number) => number >= 0.5 && number <= 240),
    seed:
      seed === undefined
        ? randomInt(largestSeed)
        : toNumber('seed', seed, (number) => Number.isInteger(number) && number >= 0 && number <= largestSeed),
  }
}
