import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import type { Group } from './harness/bench.ts'

type Named = Pick<Group, 'name' | 'what' | 'figures' | 'long' | 'wants'>

export const usage = (groups: readonly Named[]) => `npm run bench -- [NAME…] [OPTION…]

NAME is a figure or a group of figures; without one, all of them.
${groups
  .map(({ name, what, long, wants, figures }) => {
    const own = figures.map((figure) => `    ${figure.name.padEnd(26)} ${figure.what}`)
    return [
      `  ${name.padEnd(12)} ${what}${long ? ' (takes minutes)' : ''}${wants ? ` (wants ${wants})` : ''}`,
      ...own,
    ].join('\n')
  })
  .join('\n')}

OPTION
  --quick         fewer requests and rounds, without what takes minutes
  --rounds N      rounds of each contest (5; with --quick 2)
  --json FILE     writes the figures with the machine and the versions to FILE
  --against DIR   compares with the services of another checkout, which must be installed there
  --help          prints this

npm run bench -- hash [--wanted-ms N]   recommends argon2 parameters for a sign-in of so many milliseconds
npm run bench -- plot [--rounds N] [--records N]   draws the cost over the load and over the data into bench/results
npm run bench -- cluster                 clustered stores, with one node of each killed`

const list = (groups: readonly Named[]) =>
  groups.map(({ name, figures }) => [name, ...figures.map((figure) => figure.name)].join(' ')).join('\n  ')

/**
 * Reads the command line.
 * @throws Error that names the wrong argument and lists what there is
 */
export const readOptions = (args: string[], groups: readonly Named[]) => {
  const parsed = (() => {
    try {
      return parseArgs({
        args,
        allowPositionals: true,
        options: {
          quick: { type: 'boolean', default: false },
          rounds: { type: 'string' },
          json: { type: 'string' },
          against: { type: 'string' },
          help: { type: 'boolean', default: false },
        },
      })
    } catch (error) {
      throw new Error(`${(error as Error).message}\n\n${usage(groups)}`)
    }
  })()
  const { values, positionals } = parsed
  if (values.help) return { help: true as const }
  const selected = new Set<string>()
  for (const name of positionals) {
    const group = groups.find((group) => group.name === name || group.figures.some((figure) => figure.name === name))
    if (!group) throw new Error(`There is no figure ${name}. Groups, each with its figures:\n  ${list(groups)}`)
    selected.add(group.name)
  }
  const rounds = values.rounds === undefined ? (values.quick ? 2 : 5) : Number(values.rounds)
  if (!Number.isInteger(rounds) || rounds < 1)
    throw new Error(`--rounds takes a whole number from 1, not ${values.rounds}`)
  if (selected.size === 0) {
    for (const { name, long, wants } of groups) {
      if (!(values.quick && long) && !(wants && values.against === undefined)) selected.add(name)
    }
  }
  const lacking = groups.find(({ name, wants }) => wants && selected.has(name) && values.against === undefined)
  if (lacking) throw new Error(`${lacking.name} takes ${lacking.wants}: the folder of another checkout`)
  if (values.against !== undefined && !existsSync(join(values.against, 'services/auth-gateway/src/main.ts')))
    throw new Error(`--against takes the folder of a checkout, and ${values.against} is none`)
  return { help: false as const, selected, rounds, quick: values.quick, json: values.json, against: values.against }
}
