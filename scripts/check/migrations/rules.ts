import type {
  AlterEnumStmt,
  AlterTableStmt,
  DropStmt,
  IndexStmt,
  RangeVar,
  ReindexStmt,
  RenameStmt,
  VacuumStmt,
  VariableSetStmt,
} from '@pgsql/types'
import { isConcurrent, isValidatedAtOnce, rewritesForColumn } from './effects.ts'
import { bodyOf, changesOf, columnOf, constraintOf, constraintsOf, lockedTables, type Statement } from './statements.ts'

/** What is known where a statement runs. */
export interface Context {
  /** All statements of this migration. */
  migration: readonly Statement[]
  /** True if this migration creates the table: nothing uses it yet. */
  isNew(table: string | undefined): boolean
  /** True if an earlier migration added `CHECK (column IS NOT NULL)` and one before this statement validated it. */
  isCheckedNotNull(table: string, column: string): boolean
}

export interface Rule {
  /** What the statement does to requests while it runs, or to the version before. */
  why: string
  /** What to write instead. */
  instead: string
  breaks(statement: Statement, context: Context): boolean
}

const alterOf = ({ node }: Statement, { isNew }: Context): AlterTableStmt | undefined => {
  const alter = bodyOf<AlterTableStmt>(node, 'AlterTableStmt')
  return alter && !isNew(alter.relation?.relname) ? alter : undefined
}

const hasChange = (statement: Statement, context: Context, ...subtypes: string[]) => {
  const alter = alterOf(statement, context)
  return alter !== undefined && changesOf(alter).some(({ subtype = '' }) => subtypes.includes(subtype))
}

const isDropOf = ({ node }: Statement, ...types: string[]) =>
  types.includes(bodyOf<DropStmt>(node, 'DropStmt')?.removeType ?? '')

const timeouts = /_timeout$/

const existing = (tables: string[], { isNew }: Context) => tables.filter((table) => !isNew(table))

/** Rules for migrations that run while requests and the version before are served (docs/migrations.md). */
export const rules = {
  'index-without-concurrently': {
    why: 'it blocks writes to the table for as long as the index is built, or all access for as long as it is dropped',
    instead: 'CREATE or DROP INDEX CONCURRENTLY in a migration of its own',
    breaks: (statement, context) => {
      const index = bodyOf<IndexStmt>(statement.node, 'IndexStmt')
      const reindex = bodyOf<ReindexStmt>(statement.node, 'ReindexStmt')
      return (
        (index !== undefined && !isConcurrent(statement) && !context.isNew(index.relation?.relname)) ||
        (reindex !== undefined && !isConcurrent(statement)) ||
        (isDropOf(statement, 'OBJECT_INDEX') && !isConcurrent(statement))
      )
    },
  },
  'concurrently-beside-others': {
    why: 'Postgres refuses CONCURRENTLY in a transaction, which several statements are',
    instead: 'a migration for this statement alone',
    breaks: (statement, { migration }) => isConcurrent(statement) && migration.length > 1,
  },
  'column-that-rewrites': {
    why: 'a volatile default, a sequence or a stored generated column rewrites the table while all access is blocked',
    instead: 'a column without a default, which the service fills in batches',
    breaks: (statement, context) => {
      const alter = alterOf(statement, context)
      return alter !== undefined && rewritesForColumn(alter)
    },
  },
  'column-not-null-without-default': {
    why: 'inserts of the version before fail, and so does the migration if the table has rows',
    instead: 'a nullable column, or one with a constant default',
    breaks: (statement, context) => {
      const alter = alterOf(statement, context)
      return (
        alter !== undefined &&
        changesOf(alter).some((change) => {
          const column = columnOf(change)
          const types = column ? constraintsOf(column).map(({ contype }) => contype) : []
          return (
            change.subtype === 'AT_AddColumn' &&
            types.includes('CONSTR_NOTNULL') &&
            !types.some(
              (type) => type === 'CONSTR_DEFAULT' || type === 'CONSTR_IDENTITY' || type === 'CONSTR_GENERATED',
            )
          )
        })
      )
    },
  },
  'set-not-null-without-check': {
    why: 'it reads the whole table while all access is blocked',
    instead:
      'ADD CONSTRAINT … CHECK (column IS NOT NULL) NOT VALID, in the next migration VALIDATE CONSTRAINT, then this',
    breaks: (statement, context) => {
      const alter = alterOf(statement, context)
      const table = alter?.relation?.relname ?? ''
      return (
        alter !== undefined &&
        changesOf(alter).some(
          ({ subtype, name = '' }) => subtype === 'AT_SetNotNull' && !context.isCheckedNotNull(table, name),
        )
      )
    },
  },
  'type-change': {
    why: 'it rewrites the table or its indexes while all access is blocked, and the version before reads the earlier type',
    instead: 'a new column, which both versions write until the earlier one is dropped',
    breaks: (statement, context) => hasChange(statement, context, 'AT_AlterColumnType'),
  },
  rewrite: {
    why: 'it rewrites or empties the table while all access is blocked',
    instead: 'nothing of this kind in a migration',
    breaks: (statement, context) => {
      const vacuum = bodyOf<VacuumStmt>(statement.node, 'VacuumStmt')
      return (
        vacuum !== undefined ||
        'ClusterStmt' in statement.node ||
        'RepackStmt' in statement.node ||
        'TruncateStmt' in statement.node ||
        'RefreshMatViewStmt' in statement.node ||
        hasChange(statement, context, 'AT_SetTableSpace', 'AT_SetLogged', 'AT_SetUnLogged', 'AT_SetAccessMethod')
      )
    },
  },
  rename: {
    why: 'the version before uses the earlier name and answers 503 until it is replaced',
    instead: 'a new column or table beside the earlier one, which a later release drops',
    breaks: ({ node }, { isNew }) => {
      const rename = bodyOf<RenameStmt>(node, 'RenameStmt')
      const value = bodyOf<AlterEnumStmt>(node, 'AlterEnumStmt')
      const isUsed =
        rename?.renameType !== undefined &&
        !['OBJECT_INDEX', 'OBJECT_TABCONSTRAINT', 'OBJECT_TRIGGER'].includes(rename.renameType)
      return (isUsed && !isNew(rename.relation?.relname)) || value?.oldVal !== undefined
    },
  },
  drop: {
    why: 'the version before may use it',
    instead: 'drop it one release after the last one that uses it, and name that release in exceptions.ts',
    breaks: (statement, context) =>
      hasChange(statement, context, 'AT_DropColumn') ||
      isDropOf(statement, 'OBJECT_TABLE', 'OBJECT_TYPE', 'OBJECT_FUNCTION', 'OBJECT_VIEW', 'OBJECT_SEQUENCE'),
  },
  'constraint-that-validates': {
    why: 'it reads the whole table, or builds an index, while writes are blocked',
    instead:
      'CHECK or FOREIGN KEY with NOT VALID, and VALIDATE CONSTRAINT in the next migration; UNIQUE USING INDEX, after ' +
      'CREATE UNIQUE INDEX CONCURRENTLY',
    breaks: (statement, context) => {
      const alter = alterOf(statement, context)
      if (!alter) return false
      return changesOf(alter).some((change) => {
        const added = change.subtype === 'AT_AddConstraint' ? constraintOf(change) : undefined
        const column = change.subtype === 'AT_AddColumn' ? columnOf(change) : undefined
        return [...(added ? [added] : []), ...(column ? constraintsOf(column) : [])].some(isValidatedAtOnce)
      })
    },
  },
  'validation-under-lock': {
    why: 'the lock of the statements before it stays while the whole table is read',
    instead: 'VALIDATE CONSTRAINT in a migration of its own',
    breaks: (statement, context) => {
      const alter = alterOf(statement, context)
      return (
        hasChange(statement, context, 'AT_ValidateConstraint') &&
        (context.migration.length > 1 || (alter !== undefined && changesOf(alter).length > 1))
      )
    },
  },
  'several-tables': {
    why: 'it keeps the first table locked while it waits for the next, and requests wait that much longer',
    instead: 'a migration for each existing table',
    breaks: (statement, context) => {
      const before = context.migration.slice(0, context.migration.indexOf(statement))
      const locked = new Set(before.flatMap((one) => existing(lockedTables(one), context)))
      const all = new Set([...locked, ...existing(lockedTables(statement), context)])
      return all.size > locked.size && all.size > 1
    },
  },
  'lock-table': {
    why: 'it blocks requests for the whole migration',
    instead: 'statements that take only the locks that they need',
    breaks: ({ node }) => 'LockStmt' in node,
  },
  'own-timeout': {
    why: 'npm run migrate sets lock_timeout and statement_timeout so that requests are answered; this overrides them',
    instead: 'no SET of a time-out',
    breaks: ({ node }) => timeouts.test(bodyOf<VariableSetStmt>(node, 'VariableSetStmt')?.name ?? ''),
  },
  'rows-in-bulk': {
    why: 'it locks the rows that it changes until the migration ends, and leaves as many dead ones',
    instead: 'batches by the service or by a command',
    breaks: ({ node }, { isNew }) => {
      const change =
        bodyOf<{ relation?: RangeVar }>(node, 'UpdateStmt') ?? bodyOf<{ relation?: RangeVar }>(node, 'DeleteStmt')
      return change !== undefined && !isNew(change.relation?.relname)
    },
  },
  'own-transaction': {
    why: 'npm run migrate runs a migration in one transaction, together with its record',
    instead: 'no BEGIN, COMMIT or SAVEPOINT',
    breaks: ({ node }) => 'TransactionStmt' in node,
  },
  'code-block': {
    why: 'this check cannot read what it runs',
    instead: 'plain statements',
    breaks: ({ node }) => 'DoStmt' in node || 'CallStmt' in node,
  },
} as const satisfies Record<string, Rule>

export type RuleName = keyof typeof rules

/** Why a migration may break these rules. */
export interface Exception {
  migration: string
  rules: readonly RuleName[]
  reason: string
}

/** A statement that breaks a rule. */
export interface Violation {
  migration: string
  rule: RuleName
  line: number
}
