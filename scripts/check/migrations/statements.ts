import type {
  AlterTableCmd,
  AlterTableStmt,
  ColumnDef,
  Constraint,
  CreateStmt,
  Node,
  RangeVar,
  RenameStmt,
  String as SqlString,
} from '@pgsql/types'
import { loadModule, parseSync } from 'libpg-query'

await loadModule()

/** One statement of a migration, as Postgres parses it. */
export interface Statement {
  /** The parsed statement: an object with its kind as the only key. */
  node: Node
  line: number
}

/** The body of a node of this kind; undefined for another kind. */
export const bodyOf = <Body>(node: Node | undefined, kind: string): Body | undefined =>
  (node as Record<string, Body> | undefined)?.[kind]

/** Line of the first character that is neither blank nor in a comment. */
const lineOf = (sql: Buffer, location: number) => {
  const before = sql.subarray(0, location).toString()
  const [skipped = ''] = /^(?:\s+|--[^\n]*\n|\/\*.*?\*\/)*/s.exec(sql.subarray(location).toString()) ?? []
  return `${before}${skipped}`.split('\n').length
}

/** Parses a migration. @throws SqlError if Postgres would not parse it */
export const parseMigration = (sql: string): Statement[] => {
  // Locations count bytes.
  const bytes = Buffer.from(sql)
  return (parseSync(sql).stmts ?? []).flatMap(({ stmt, stmt_location = 0 }) =>
    stmt ? [{ node: stmt, line: lineOf(bytes, stmt_location) }] : [],
  )
}

/** The text of the last name in a qualified name. */
export const lastName = (names: Node[] | undefined): string => bodyOf<SqlString>(names?.at(-1), 'String')?.sval ?? ''

/** The changes of one ALTER TABLE. */
export const changesOf = ({ cmds = [] }: AlterTableStmt): AlterTableCmd[] =>
  cmds.flatMap((cmd) => bodyOf<AlterTableCmd>(cmd, 'AlterTableCmd') ?? [])

export const columnOf = ({ def }: AlterTableCmd): ColumnDef | undefined => bodyOf(def, 'ColumnDef')

export const constraintOf = ({ def }: AlterTableCmd): Constraint | undefined => bodyOf(def, 'Constraint')

export const constraintsOf = ({ constraints = [] }: ColumnDef): Constraint[] =>
  constraints.flatMap((node) => bodyOf<Constraint>(node, 'Constraint') ?? [])

/** Every function that an expression calls. */
export const functionsIn = (expression: unknown): string[] => {
  if (Array.isArray(expression)) return expression.flatMap(functionsIn)
  if (typeof expression !== 'object' || expression === null) return []
  return Object.entries(expression).flatMap(([key, value]) =>
    key === 'FuncCall' ? [lastName(value.funcname), ...functionsIn(value.args)] : functionsIn(value),
  )
}

/** Tables that a new table references. */
const referencedBy = ({ tableElts = [] }: CreateStmt): RangeVar[] =>
  tableElts
    .flatMap((node) => {
      const column = bodyOf<ColumnDef>(node, 'ColumnDef')
      return column ? constraintsOf(column) : (bodyOf<Constraint>(node, 'Constraint') ?? [])
    })
    .flatMap(({ pktable }) => pktable ?? [])

/** Tables that a statement locks against writes or all access until the migration ends. */
export const lockedTables = ({ node }: Statement): string[] => {
  const alter = bodyOf<AlterTableStmt>(node, 'AlterTableStmt')
  const create = bodyOf<CreateStmt>(node, 'CreateStmt')
  const isOfIndex = bodyOf<RenameStmt>(node, 'RenameStmt')?.renameType === 'OBJECT_INDEX'
  const ofTable =
    bodyOf<{ relation?: RangeVar; concurrent?: boolean }>(node, 'IndexStmt') ??
    bodyOf<{ relation?: RangeVar; concurrent?: boolean }>(node, 'CreateTrigStmt') ??
    (isOfIndex ? undefined : bodyOf<{ relation?: RangeVar; concurrent?: boolean }>(node, 'RenameStmt'))
  const relations = alter
    ? alter.objtype === 'OBJECT_TABLE'
      ? [alter.relation, ...changesOf(alter).flatMap((change) => constraintOf(change)?.pktable ?? [])]
      : []
    : create
      ? referencedBy(create)
      : ofTable?.concurrent
        ? []
        : [ofTable?.relation]
  return relations.flatMap((relation) => relation?.relname ?? [])
}
