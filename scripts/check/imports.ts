import { existsSync } from 'node:fs'
import { join } from 'node:path'
import {
  cruise,
  type ICruiseOptions,
  type ICruiseResult,
  type IFlattenedRuleSet,
  type IViolation,
} from 'dependency-cruiser'

const folders = ['services', 'packages', 'scripts', 'bench', 'prisma', 'deploy', 'tests']
const tests = '[.](test|proof|fixture)[.]ts$|^tests/'
const generated = '/generated/'
const outside = 'node_modules'
/** Peers of the bench, which are installed on demand. */
const peers = '^bench/peers/'

const severity = 'error'

/** The import rule of docs/map.md: services -> platform -> contracts, and nothing imports tests. */
const layers: IFlattenedRuleSet = {
  forbidden: [
    { severity, name: 'an import must resolve to a file', from: {}, to: { couldNotResolve: true } },
    {
      severity,
      name: 'contracts import no other package of this repository',
      from: { path: '^packages/contracts/' },
      to: { pathNot: [outside, '^packages/contracts/', '^package[.]json$'], dependencyTypesNot: ['core'] },
    },
    {
      severity,
      name: 'texts import no other package of this repository',
      from: { path: '^packages/texts/', pathNot: tests },
      to: { pathNot: [outside, '^packages/texts/'], dependencyTypesNot: ['core'] },
    },
    {
      severity,
      name: 'platform and client import contracts only',
      from: { path: '^packages/(platform|client)/', pathNot: tests },
      to: { pathNot: [outside, '^packages/($1|contracts)/'], dependencyTypesNot: ['core'] },
    },
    {
      severity,
      name: 'services import platform, contracts and texts only',
      from: { path: '^services/([^/]+)/', pathNot: tests },
      to: {
        pathNot: [outside, '^services/$1/', '^packages/(platform|contracts|texts)/'],
        dependencyTypesNot: ['core'],
      },
    },
    {
      severity,
      name: 'packages import no service',
      from: { path: '^packages/', pathNot: tests },
      to: { path: '^services/' },
    },
    {
      severity,
      name: 'only tests import tests',
      from: { path: '^(services|packages|prisma|deploy)/', pathNot: tests },
      to: { path: tests },
    },
    {
      severity,
      name: 'a feature does not import app.ts, features.ts or main.ts of its service',
      from: { path: '^services/[^/]+/src/[^/]+/', pathNot: tests },
      to: { path: '^services/[^/]+/src/(app|features|main)[.]ts$' },
    },
  ],
}

/** Imports of types count: folders that need each other's types cannot be read one after the other either. */
const circles: IFlattenedRuleSet = {
  forbidden: [
    { severity, name: 'circle of folders', scope: 'folder', from: {}, to: { circular: true } },
    { severity, name: 'circle of files', from: {}, to: { circular: true } },
  ],
}

const describe = ({ rule, from, to, cycle = [] }: IViolation) =>
  cycle.length > 0
    ? // A circle is found once from each of its members: sorted, these are one line.
      `${rule.name}: ${cycle
        .map(({ name }) => name)
        .toSorted()
        .join(', ')}`
    : `${rule.name}: ${from} imports ${to}`

const violationsOf = async (root: string, ruleSet: IFlattenedRuleSet, exclude: string) => {
  const options: ICruiseOptions = {
    baseDir: root,
    validate: true,
    ruleSet,
    // TypeScript 7 has no JavaScript interface to parse with.
    parser: 'swc',
    tsPreCompilationDeps: true,
    doNotFollow: { path: outside },
    exclude: { path: exclude },
  }
  const present = folders.filter((folder) => existsSync(join(root, folder)))
  const { output } = await cruise(present, options, { exportsFields: ['exports'], conditionNames: ['import', 'node'] })
  return [...new Set((output as ICruiseResult).summary.violations.map(describe))].toSorted()
}

/** Returns each import that breaks a rule of docs/map.md as a line. */
export const checkImports = async (root: string): Promise<string[]> => [
  ...(await violationsOf(root, layers, `${generated}|${peers}`)),
  // A test imports whatever it needs: tests are left out of the search for circles.
  ...(await violationsOf(root, circles, `${generated}|${peers}|${tests}`)),
]
