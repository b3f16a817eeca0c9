import { existsSync, globSync, readFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { exceptions } from './migrations/exceptions.ts'
import { type Exception, rules, type Violation } from './migrations/rules.ts'
import { parseMigration } from './migrations/statements.ts'
import { violationsIn } from './migrations/violations.ts'

export interface MigrationFile {
  /** Folder, such as `20261121203514_init`. */
  name: string
  sql: string
}

const describe = ({ migration, rule, line }: Violation) =>
  `${migration}, line ${line}: ${rule}: ${rules[rule].why}. Write ${rules[rule].instead}.`

/** Compares what breaks a rule with the exceptions. @returns each difference as a line */
export const compareMigrations = (files: readonly MigrationFile[], allowed: readonly Exception[]): string[] => {
  const violations = violationsIn(files.map(({ name, sql }) => ({ name, statements: parseMigration(sql) })))
  const isAllowed = ({ migration, rule }: Violation) =>
    allowed.some((one) => one.migration === migration && one.rules.includes(rule))
  const unneeded = allowed.flatMap(({ migration, rules }) =>
    rules
      .filter((rule) => !violations.some((one) => one.migration === migration && one.rule === rule))
      .map((rule) => `exceptions.ts: ${migration} does not break ${rule}`),
  )
  return [...violations.filter((one) => !isAllowed(one)).map(describe), ...unneeded]
}

/** Each statement of a migration of this repository that would block requests, as a line. */
export const checkMigrations = (root: string): string[] => {
  const files = globSync('prisma/migrations/*/migration.sql', { cwd: root })
    .toSorted()
    .map((path) => ({ name: basename(dirname(path)), sql: readFileSync(join(root, path), 'utf8') }))
  const missing = exceptions.filter(({ migration }) => !existsSync(join(root, 'prisma/migrations', migration)))
  return [
    ...missing.map(({ migration }) => `exceptions.ts: there is no migration ${migration}`),
    ...compareMigrations(
      files,
      exceptions.filter((one) => !missing.includes(one)),
    ),
  ]
}
