import type { DiffTarget } from '@prisma/schema-engine-wasm'
import { withSettings } from '@rekey/platform/postgres-settings'
import pg from 'pg'
import { useSchemaEngine } from './schema-engine.ts'

export interface SchemaDiff {
  /** Any database: the engine needs a connection but does not change the database. */
  databaseUrl: string
  /** schema.prisma as of the last migration, or undefined for the first one. */
  from: string | undefined
  to: string
}

/**
 * Generates the SQL that migrates a database from one Prisma schema to another. Compares the two texts, since the engine's
 * WebAssembly build cannot read the catalogue of PostgreSQL 18.
 * @returns the script; undefined if the schemas are equal
 */
export const diffSchemas = async ({ databaseUrl, from, to }: SchemaDiff): Promise<string | undefined> => {
  const datamodel = (content: string): DiffTarget => ({
    tag: 'schemaDatamodel',
    files: [{ path: 'schema.prisma', content }],
  })
  const pool = new pg.Pool({ connectionString: withSettings(databaseUrl), max: 1 })
  try {
    const { exitCode, stdout } = await useSchemaEngine(pool, { schema: to }, (engine) =>
      engine.diff({
        from: from === undefined ? { tag: 'empty' } : datamodel(from),
        to: datamodel(to),
        script: true,
        exitCode: true,
        filters: { externalTables: [], externalEnums: [] },
      }),
    )
    return exitCode === 2 && stdout ? stdout : undefined
  } finally {
    await pool.end()
  }
}
