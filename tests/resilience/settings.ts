import { randomInt } from 'node:crypto'
import { parseArgs } from 'node:util'

export const usage = `Usage: npm run test:faults -- [--minutes N] [--seed N]
  Customers restore and change passwords while every part is killed, paused and restarted, every connection delayed,
  cut, stalled and lost, and events come that cannot be handled; then what clients were told is held against what the
  stores hold.

  --minutes N  how long faults are done, half of it with one NATS server and half with a cluster of three:
               0.5 to 240; 0.7 unless it is said
  --seed N     does the faults of that seed again, which a failed run names: 0 to 2147483647, else a new one
  --help       says this`

export interface Settings {
  minutes: number
  seed: number
}

const largestSeed = 2 ** 31 - 1

const toNumber = (name: string, text: string, isSound: (number: number) => boolean): number => {
  const number = text.trim() === '' ? Number.NaN : Number(text)
  if (!isSound(number)) throw new Error(`--${name} must not be "${text}".\n\n${usage}`)
  return number
}

/** @returns undefined where help is asked for @throws Error in words for whoever typed it */
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
