import type { AlterTableStmt, Constraint, DefElem, DropStmt, IndexStmt, ReindexStmt } from '@pgsql/types'
import { bodyOf, changesOf, columnOf, constraintsOf, functionsIn, lastName, type Statement } from './statements.ts'

const isConcurrentReindex = ({ params = [] }: ReindexStmt) =>
  params.some((param) => bodyOf<DefElem>(param, 'DefElem')?.defname === 'concurrently')

/** True for a statement that Postgres refuses in a transaction. */
export const isConcurrent = ({ node }: Statement) => {
  const reindex = bodyOf<ReindexStmt>(node, 'ReindexStmt')
  return Boolean(
    bodyOf<IndexStmt>(node, 'IndexStmt')?.concurrent ||
      bodyOf<DropStmt>(node, 'DropStmt')?.concurrent ||
      (reindex && isConcurrentReindex(reindex)),
  )
}

/** Functions that give every row of one ALTER TABLE the same value (not volatile). */
const stableFunctions = new Set(['now', 'transaction_timestamp', 'statement_timestamp', 'current_setting'])
const serialTypes = /^(small|big)?serial[248]?$/

/** True if each existing row of a new column gets a value of its own, which rewrites the table. */
export const rewritesForColumn = (statement: AlterTableStmt) =>
  changesOf(statement).some((change) => {
    const column = columnOf(change)
    if (change.subtype !== 'AT_AddColumn' || !column) return false
    return (
      serialTypes.test(lastName(column.typeName?.names)) ||
      constraintsOf(column).some(
        ({ contype, raw_expr, generated_kind }) =>
          contype === 'CONSTR_IDENTITY' ||
          (contype === 'CONSTR_GENERATED' && generated_kind !== 'v') ||
          (contype === 'CONSTR_DEFAULT' && functionsIn(raw_expr).some((name) => !stableFunctions.has(name))),
      )
    )
  })

/** True if a constraint is checked against every row while the table is locked. */
export const isValidatedAtOnce = ({ contype, skip_validation, indexname }: Constraint) =>
  ((contype === 'CONSTR_CHECK' || contype === 'CONSTR_FOREIGN') && !skip_validation) ||
  ((contype === 'CONSTR_UNIQUE' || contype === 'CONSTR_PRIMARY') && !indexname) ||
  contype === 'CONSTR_EXCLUSION'
