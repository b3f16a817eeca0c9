import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type pg from 'pg'
import { type Finding, fail, ok } from '../finding.ts'

const grantsFile = join(import.meta.dirname, '../../../deploy/postgres/grants.sql')
const privileges = ['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'TRUNCATE', 'TRIGGER'] as const

/** What deploy/postgres/grants.sql gives the role of the service, by table. */
export const wantedGrants = (sql: string): Map<string, Set<string>> => {
  const text = sql.replaceAll(/--.*$/gm, '')
  const wanted = new Map<string, Set<string>>()
  for (const [, verbs = '', tables = ''] of text.matchAll(/GRANT\s+([A-Z,\s]+?)\s+ON\s+([a-z_,\s]+?)\s+TO\s/g)) {
    for (const table of tables.split(',').map((name) => name.trim())) {
      const held = wanted.get(table) ?? new Set()
      for (const verb of verbs.split(',')) held.add(verb.trim())
      wanted.set(table, held)
    }
  }
  return wanted
}

interface Role {
  role: string
  isSuperuser: boolean
  /** Rights of the role beyond tables. */
  excess: string[]
}

const roleQuery = `
  SELECT current_user AS role, rolsuper AS "isSuperuser",
         array_remove(ARRAY[
           CASE WHEN rolcreatedb THEN 'CREATEDB' END,
           CASE WHEN rolcreaterole THEN 'CREATEROLE' END,
           CASE WHEN rolreplication THEN 'REPLICATION' END,
           CASE WHEN rolbypassrls THEN 'BYPASSRLS' END,
           CASE WHEN has_schema_privilege('public', 'CREATE') THEN 'CREATE in the schema public' END,
           CASE WHEN has_database_privilege(current_database(), 'CREATE') THEN 'CREATE in the database' END,
           CASE WHEN has_database_privilege(current_database(), 'TEMPORARY') THEN 'TEMPORARY tables' END
         ], NULL) AS excess
  FROM pg_roles WHERE rolname = current_user`

interface Table {
  name: string
  held: string[]
}

const tablesQuery = `
  SELECT relname AS name,
         ARRAY(SELECT privilege FROM unnest($1::text[]) AS privilege WHERE has_table_privilege(pg_class.oid, privilege))
           AS held
  FROM pg_class
  WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') AND NOT relispartition`

/** Compares the role with deploy/postgres: rights that it lacks, and those that it has beyond. */
export const rightsFindings = async (client: pg.Pool, isProduction: boolean): Promise<Finding[]> => {
  const [role] = (await client.query<Role>(roleQuery)).rows
  if (!role) throw new Error('Postgres returned no row')
  if (role.isSuperuser && !isProduction) return [ok(`${role.role} is a superuser, as in the sandbox`)]
  const { rows: tables } = await client.query<Table>(tablesQuery, [[...privileges]])
  const wanted = wantedGrants(readFileSync(grantsFile, 'utf8'))
  const named = new Map(tables.map(({ name, held }) => [name, held]))

  // A table that is missing is a pending migration, which its own check names.
  const few = [...wanted].flatMap(([table, verbs]) =>
    [...verbs]
      .filter((verb) => named.has(table) && !named.get(table)?.includes(verb))
      .map((verb) => `${verb} on ${table}`),
  )
  const many = [
    ...(role.isSuperuser ? ['everything: it is a superuser'] : role.excess),
    ...tables.flatMap(({ name, held }) =>
      role.isSuperuser ? [] : held.filter((verb) => !wanted.get(name)?.has(verb)).map((verb) => `${verb} on ${name}`),
    ),
  ]
  const shown = (rights: string[]) =>
    `${rights.slice(0, 4).join(', ')}${rights.length > 4 ? ` and ${rights.length - 4} more` : ''}`
  const found = [
    ...(few.length > 0
      ? [fail(`${role.role} lacks ${shown(few)}`, 'run deploy/postgres/grants.sql as the owner of the tables')]
      : []),
    ...(many.length > 0
      ? [fail(`${role.role} has also ${shown(many)}`, 'use the role rekey_service of deploy/postgres/roles.sql')]
      : []),
  ]
  return found.length > 0 ? found : [ok(`${role.role}: as deploy/postgres/grants.sql, no less and no more`)]
}
