import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { logEvents } from '@rekey/contracts'

/** A call of the logger by severity, which has no declaration: on one line or broken after the dot. */
const undeclared = /\b(?:log|logger)\s*\??\.\s*(?:trace|debug|info|warn|error|fatal)\s*\(/g

/**
 * Finds log lines of services that packages/contracts/src/log does not declare: they would be missing in docs/logs.md, and
 * nothing would check their fields (S35). The types refuse an unknown event and a missing field of `log.event`.
 *
 * @returns each place as a line
 */
export const undeclaredLogCalls = (path: string, source: string): string[] =>
  [...source.matchAll(undeclared)].map(({ index }) => {
    const line = source.slice(0, index).split('\n').length
    return `${path}:${line}: log with log.event(…), and declare the event in packages/contracts/src/log`
  })

/** Declared events that no source file of a service logs: docs/logs.md would have lines that nobody can find. */
const checkUnused = (sources: string[]): string[] =>
  Object.keys(logEvents)
    .filter((name) => !sources.some((source) => source.includes(`'${name}'`)))
    .map((name) => `the log event ${name} is declared and never logged: remove it from packages/contracts/src/log`)

/** Checks every source file of services and of the platform. @returns each violation as a line */
export const checkLogCalls = (root: string): string[] => {
  const paths = globSync(['services/*/src/**/*.ts', 'packages/platform/src/**/*.ts'], { cwd: root })
    .filter((path) => !/\.(test|proof|fixture)\.ts$|\/generated\//.test(path))
    .toSorted()
  const sources = paths.map((path) => readFileSync(join(root, path), 'utf8'))
  return [...paths.flatMap((path, index) => undeclaredLogCalls(path, sources[index] ?? '')), ...checkUnused(sources)]
}
