import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

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

/** The same for every source file of services and of the platform. */
export const checkLogCalls = (root: string): string[] =>
  globSync(['services/*/src/**/*.ts', 'packages/platform/src/**/*.ts'], { cwd: root })
    .filter((path) => !/\.(test|proof|fixture)\.ts$|\/generated\//.test(path))
    .toSorted()
    .flatMap((path) => undeclaredLogCalls(path, readFileSync(join(root, path), 'utf8')))
