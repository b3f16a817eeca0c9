import type { AlterTableStmt, ColumnRef, Constraint, CreateStmt, Node, NullTest } from '@pgsql/types'
import { type Context, type Rule, type RuleName, rules, type Violation } from './rules.ts'
import { bodyOf, changesOf, constraintOf, lastName, type Statement } from './statements.ts'

/** The column that a CHECK requires not to be null. */
const notNullColumn = ({ contype, raw_expr }: Constraint): string | undefined => {
  const test = bodyOf<NullTest>(raw_expr, 'NullTest')
  if (contype !== 'CONSTR_CHECK' || test?.nulltesttype !== 'IS_NOT_NULL') return undefined
  return lastName(bodyOf<ColumnRef>(test.arg as Node, 'ColumnRef')?.fields)
}

/** Remembers checks `column IS NOT NULL` and their validation, from migration to migration. */
const createNotNullChecks = () => {
  const columns = new Map<string, string>()
  const validated = new Set<string>()
  return {
    has: (table: string, column: string) => validated.has(`${table}.${column}`),
    read({ node }: Statement) {
      const alter = bodyOf<AlterTableStmt>(node, 'AlterTableStmt')
      const table = alter?.relation?.relname ?? ''
      for (const change of alter ? changesOf(alter) : []) {
        const constraint = change.subtype === 'AT_AddConstraint' ? constraintOf(change) : undefined
        const column = constraint && notNullColumn(constraint)
        if (column) columns.set(`${table}.${constraint.conname}`, column)
        if (change.subtype !== 'AT_ValidateConstraint') continue
        const checked = columns.get(`${table}.${change.name}`)
        if (checked) validated.add(`${table}.${checked}`)
      }
    },
  }
}

/** Returns what breaks a rule in these migrations, which are in order. */
export const violationsIn = (
  migrations: readonly { name: string; statements: readonly Statement[] }[],
): Violation[] => {
  const checks = createNotNullChecks()
  return migrations.flatMap(({ name, statements }) => {
    const created = new Set(
      statements.flatMap(({ node }) => bodyOf<CreateStmt>(node, 'CreateStmt')?.relation?.relname ?? []),
    )
    const context: Context = {
      migration: statements,
      isNew: (table) => table !== undefined && created.has(table),
      isCheckedNotNull: checks.has,
    }
    const found = statements.flatMap((statement) =>
      Object.entries(rules as Record<string, Rule>).flatMap(([rule, { breaks }]) =>
        breaks(statement, context) ? [{ migration: name, rule: rule as RuleName, line: statement.line }] : [],
      ),
    )
    for (const statement of statements) checks.read(statement)
    return found
  })
}
